// The dashboard in a frame, as a notebook shows a run: pages of this machine may, others only when they are named.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applicationDirectory } from "@moescope/dashboard";
import { type Collector, type CollectorOptions, startCollector } from "@moescope/telemetry";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { chromiumPath, openBrowser, whereToGetChromium } from "./browser.ts";

const token = "reader-0123456789abcdef";
const application = "#root > *";

describe.skipIf(!chromiumPath)(`a frame in a real browser${whereToGetChromium}`, () => {
  let browser: Browser;
  let notebook: Server;
  let framed: string;
  beforeAll(async () => {
    browser = await openBrowser();
    notebook = createServer((_, response) => response.setHeader("content-type", "text/html").end(pageWith(framed)));
    await new Promise<void>((resolve) => notebook.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    await browser?.close();
    notebook?.closeAllConnections();
    notebook?.close();
  });

  /** @param page address of what holds the frame @returns whether the dashboard is shown, or the browser says that it may not be */
  async function shows(page: string): Promise<boolean> {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const tab = await context.newPage();
    const refused = tab
      .waitForEvent("console", (message) => message.text().includes("frame-ancestors"))
      .then(() => false);
    const shown = tab.frameLocator("iframe").locator(application).first().waitFor();
    refused.catch(() => {});
    shown.catch(() => {});
    await tab.goto(page);
    return Promise.race([shown.then(() => true), refused]);
  }

  const at = (host: string) => `http://${host}:${(notebook.address() as AddressInfo).port}`;

  test("pages of this machine show it", async () => {
    framed = await started({});
    for (const host of ["127.0.0.1", "localhost"]) expect(await shows(at(host))).toBe(true);
  });

  test("a page that is named shows it, and no other does", async () => {
    framed = await started({ frameIn: [at("localhost")] });
    expect(await shows(at("localhost"))).toBe(true);
    expect(await shows(at("127.0.0.1"))).toBe(false);
  });

  test("no page shows one that asks for a token", async () => {
    framed = await started({ tokens: [{ token, role: "read" }] });
    expect(await shows(at("127.0.0.1"))).toBe(false);
  });
});

function pageWith(address: string): string {
  return `<!doctype html><title>notebook</title><iframe src="${address}"></iframe>`;
}

/** @returns the address of its dashboard */
async function started(options: CollectorOptions): Promise<string> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "moescope-frames-"));
  const ports = { http: { port: 0 }, grpc: { port: 0 } };
  const collector: Collector = await startCollector({
    ...{ dataDirectory, dashboardDirectory: applicationDirectory, logLevel: "silent" },
    ...{ ...ports, ...options },
  });
  onTestFinished(async () => {
    await collector.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  });
  return `http://${collector.httpAddress}/`;
}
