// A person's way: collect, train twice, look in a real browser. Nothing on it is made up.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { maxViolation } from "@moescope/metrics";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openBrowser, whereToGetChromium } from "./browser.ts";

const command = join(import.meta.dirname, "../packages/cli/bin/moescope.js");
const STEPS = 24;
const SMALL = [
  "model.layers=2",
  "model.width=32",
  "model.experts=8",
  "model.expertWidth=32",
  "data.batch=6",
  "data.sequence=32",
];

interface Summary {
  run: { id: string; strategy: string };
  state: string;
  loss: number;
}

describe.skipIf(!chromiumPath)(`two short runs in a real browser${whereToGetChromium}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "moescope-end-to-end-"));
  let collector: ChildProcess;
  let browser: Browser;
  let page: Page;
  let dashboard: string;
  let grpc: string;
  const faults: string[] = [];

  beforeAll(async () => {
    collector = moescope("collect", "--data", join(folder, "data"), "--http", "0", "--grpc", "0", "--json");
    const addresses = JSON.parse(await untilBrace(collector)) as { dashboard: string; collector: string };
    [dashboard, grpc] = [addresses.dashboard, addresses.collector];
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on(
      "request",
      (request) => new URL(request.url()).origin !== dashboard && faults.push(`left the machine: ${request.url()}`),
    );
  });

  afterAll(async () => {
    await browser?.close();
    if (collector?.exitCode === null) {
      collector.kill("SIGTERM");
      await once(collector, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function train(strategy: string): Promise<void> {
    const settings = SMALL.flatMap((setting) => ["--set", setting]);
    const where = ["--collector", grpc, "--spool", join(folder, "spool")];
    const child = moescope(
      "train",
      "--no-checkpoints",
      "--recipe",
      "quick",
      "--strategy",
      strategy,
      "--steps",
      String(STEPS),
      ...where,
      ...settings,
    );
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(0);
  }

  async function get<Answer>(path: string): Promise<Answer> {
    return (await (await fetch(`${dashboard}/api/v1/${path}`)).json()) as Answer;
  }

  test("an empty collector says how to get a first run", async () => {
    await page.goto(dashboard);
    await page.getByText("moescope demo").first().waitFor();
  });

  test("runs appear by themselves while they train, without a reload", async () => {
    const trained = train("auxiliary-loss");
    await page.getByRole("navigation", { name: "Runs" }).getByText("auxiliary-loss").first().waitFor();
    await trained;
    await train("loss-free-bias");
    await page.getByText(`${STEPS} of ${STEPS}`).nth(1).waitFor();
    const { runs } = await get<{ runs: Summary[] }>("runs");
    expect(runs.map(({ state }) => state)).toEqual(["FINISHED", "FINISHED"]);
    for (const { loss } of runs) await page.getByText(loss.toFixed(3)).first().waitFor();
  });

  test("the heat map names the busiest expert that the stored counts name", async () => {
    const { runs } = await get<{ runs: Summary[] }>("runs");
    await page.getByRole("tab", { name: "Layers" }).click();
    for (const { run } of runs) {
      const last = STEPS - 1;
      const history = await get<{ buckets: { layers: { layer: number; categories: { counts: number[] }[] }[] }[] }>(
        `runs/${run.id}/history?from=${last}&to=${last}&points=1&layers=all`,
      );
      const layers = history.buckets[0]!.layers.map(({ layer, categories }) => {
        const loads = categories[0]!.counts.map((_, e) => categories.reduce((sum, { counts }) => sum + counts[e]!, 0));
        return { layer, loads, violation: maxViolation(loads) };
      });
      const worst = layers.reduce((a, b) => (b.violation > a.violation ? b : a));
      const busiest = worst.loads.indexOf(Math.max(...worst.loads));
      await page.getByText(`layer ${worst.layer} is the worst: expert ${busiest} gets`).first().waitFor();
    }
  });

  test("the step cursor moves by keyboard, and the address keeps what is on screen", async () => {
    const cursor = page.getByRole("slider", { name: "Step cursor" });
    await cursor.focus();
    await cursor.press("Home");
    await page.getByText("At step 0 ").first().waitFor();
    await cursor.press("ArrowRight");
    await page.getByText("At step 1 ").first().waitFor();
    const colleague = await browser.newPage();
    await colleague.goto(page.url());
    await colleague.getByText("At step 1 ").first().waitFor();
    await colleague.close();
  });

  test.each(["Balance", "Experts", "Categories"])("the view %s draws both runs", async (view) => {
    await page.getByRole("tab", { name: view }).click();
    const main = page.getByRole("tabpanel");
    await main.getByText("auxiliary-loss").first().waitFor();
    await main.getByText("loss-free-bias").first().waitFor();
    await main.locator("svg").first().waitFor();
    expect(await main.getByText("This view broke").count()).toBe(0);
  });

  test("nothing scrolls sideways on a phone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const view of ["Overview", "Balance", "Experts", "Layers", "Categories"]) {
      await page.getByRole("tab", { name: view }).click();
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), view).toBe(true);
    }
  });

  test("the page met no fault and asked nobody but its collector", () => {
    expect(faults).toEqual([]);
  });
});

function moescope(...args: string[]): ChildProcess {
  return spawn(process.execPath, [command, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

/** The JSON object that the process prints, however many lines it takes. */
async function untilBrace(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const line of createInterface({ input: child.stdout! })) {
    text += line;
    if (line.trimEnd().endsWith("}")) return text;
  }
  throw new Error(`the collector ended before it listened: ${text}`);
}
