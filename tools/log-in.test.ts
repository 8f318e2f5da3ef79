// A browser at a collector that asks for a token: the page to log in on, the dashboard behind it, and the way out.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applicationDirectory } from "@moescope/dashboard";
import { type Collector, startCollector } from "@moescope/telemetry";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { chromiumPath, openBrowser, whereToGetChromium } from "./browser.ts";

const token = "reader-0123456789abcdef";

describe.skipIf(!chromiumPath)(`logging in with a real browser${whereToGetChromium}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "moescope-log-in-"));
  let collector: Collector;
  let browser: Browser;
  let dashboard: string;
  const faults: string[] = [];

  beforeAll(async () => {
    collector = await startCollector({
      ...{ dataDirectory: folder, dashboardDirectory: applicationDirectory, logLevel: "silent" },
      ...{ http: { port: 0 }, grpc: { port: 0 }, tokens: [{ token, role: "read" }] },
    });
    dashboard = `http://${collector.httpAddress}`;
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await collector?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** With no cookies of another. */
  async function newPage(): Promise<Page> {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => /content security policy/i.test(message.text()) && faults.push(message.text()));
    return page;
  }

  const form = "#login";
  const application = "#root > *";

  test("a wrong token is refused, a right one shows the dashboard, and /logout ends it", async () => {
    const page = await newPage();
    await page.goto(`${dashboard}/?view=runs`);
    await page.fill("#token", "nobody-0123456789abcdef");
    await page.click("button");
    await page.getByText("the collector does not know this token").waitFor();
    await page.fill("#token", token);
    await page.click("button");
    await page.waitForSelector(application);
    expect(new URL(page.url()).search).toContain("view=runs");
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ name: "moescope-session", httpOnly: true, sameSite: "Strict" }]);
    await page.reload();
    await page.waitForSelector(application);

    await page.goto(`${dashboard}/logout`);
    await page.getByText("You are logged out.").waitFor();
    expect(await page.context().cookies()).toEqual([]);
    await page.goto(dashboard);
    await page.waitForSelector(form);
    expect(faults).toEqual([]);
  });

  test("a token in the address is taken from there, and does not stay", async () => {
    const page = await newPage();
    await page.goto(`${dashboard}/#token=${token}`);
    await page.waitForSelector(application);
    expect(page.url()).not.toContain(token);
    expect(faults).toEqual([]);
  });
});
