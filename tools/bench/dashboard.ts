// What a person at the dashboard gets: frames a second and memory under a live run of the size of DeepSeek-V3, and a long run opened.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { applicationDirectory } from "@moescope/dashboard";
import type { Browser } from "playwright-core";
import { chromiumPath, openBrowser, whereToGetChromium } from "../browser.ts";
import { type CollectorProcess, startCollectorProcess } from "../collector-process.ts";
import { StepSender } from "../journeys/step-sender.ts";
import { delays, seenSteps, watchSteps } from "../journeys/steps-on-screen.ts";
import { firstChart, watchFirstChart } from "./dashboard-first-chart.ts";
import { frameIntervals, heapMegabytes, watchFrames } from "./dashboard-frames.ts";
import { categories, describedRun, experts, layers, type ModelSize, Workload } from "./ingest-workload.ts";
import { median, printTable } from "./table.ts";

const STEPS_A_SECOND = 20;
export const LIVE_VIEWS = ["layers", "balance", "experts"];
/** Seconds before the memory is looked at for the first time: as many steps as a page keeps one by one have come. */
const WARM_UP = 25;
const LONG_RUN: ModelSize = { layers: 8, experts: 64 };
const OPENED_VIEWS = ["overview", "balance", "experts"];
const REPETITIONS = 5;

export interface DashboardOptions {
  /** Views that are watched live, each for so many minutes. */
  views: readonly string[];
  minutes: number;
  /** Steps of the long run. */
  opened: number;
}

export async function dashboard({ views, minutes, opened }: DashboardOptions): Promise<void> {
  if (!chromiumPath) {
    console.log(`Not measured${whereToGetChromium}`);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  // As `moescope collect` starts it, but for the ports.
  const asPeopleDo = { dashboardDirectory: applicationDirectory, flushInterval: undefined, storingShare: undefined };
  const collector = await startCollectorProcess(join(directory, "data"), 0, asPeopleDo);
  const browser = await openBrowser();
  try {
    await watchLive(browser, collector, views, minutes);
    console.log();
    await openLongRun(browser, collector, opened);
  } finally {
    await browser.close();
    await collector.kill();
    rmSync(directory, { recursive: true });
  }
}

async function watchLive(
  browser: Browser,
  collector: CollectorProcess,
  views: readonly string[],
  minutes: number,
): Promise<void> {
  console.log(
    `A live run, ${STEPS_A_SECOND} steps a second of ${layers} layers × ${experts} experts × ${categories.length} categories,`,
    `each view for ${minutes} min after ${WARM_UP} s:\n`,
  );
  const workload = new Workload();
  const rows: string[][] = [];
  for (const view of views) rows.push(await watchView(browser, collector, workload, view, minutes));
  printTable(
    [
      "view",
      "frames/s",
      "ms between frames: median",
      "95 %",
      "worst",
      "JS heap MB: start",
      "end",
      "ms from acknowledgement to screen: median",
      "95 %",
      "worst",
      "steps/s sent",
    ],
    rows,
  );
}

async function watchView(
  browser: Browser,
  { http, grpc }: CollectorProcess,
  workload: Workload,
  view: string,
  minutes: number,
): Promise<string[]> {
  const run = `live-${view}`;
  const sender = new StepSender(grpc, describedRun(run));
  const sending = new AbortController();
  sender.bytes(workload.message(run, 0));
  await sender.acknowledged();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`http://${http}/?view=${view}&runs=${run}`);
  await page.locator(".cursor-bar output").waitFor();
  const sent = sendSteadily(sender, run, workload, sending.signal);
  await pause(WARM_UP * 1000);
  await watchSteps(page);
  const first = sender.sent;
  const before = await heapMegabytes(page);
  await watchFrames(page, minutes);
  const seconds = minutes * 60;
  await pause(seconds * 1000);
  const intervals = await frameIntervals(page);
  const last = sender.sent;
  const after = await heapMegabytes(page);
  sending.abort();
  await sent;
  const steps = Array.from({ length: last }, (_, step) => step);
  const waits = sorted(delays(sender, steps, await seenSteps(page)).slice(first));
  await page.close();
  return [
    view,
    (intervals.length / (intervals.reduce((sum, interval) => sum + interval, 0) / 1000)).toFixed(1),
    ...spread(sorted(intervals)),
    before.toFixed(1),
    after.toFixed(1),
    ...spread(waits),
    ((last - first) / seconds).toFixed(1),
  ];
}

/** By the clock: a pause that took too long is made up for. */
async function sendSteadily(sender: StepSender, run: string, workload: Workload, signal: AbortSignal): Promise<void> {
  const from = performance.now() - sender.sent * (1000 / STEPS_A_SECOND);
  while (!signal.aborted) {
    if (!sender.bytes(workload.message(run, sender.sent))) await sender.drained();
    await pause(Math.max(0, from + (sender.sent * 1000) / STEPS_A_SECOND - performance.now()));
  }
  await sender.finish(Date.now());
}

async function openLongRun(browser: Browser, { http, grpc }: CollectorProcess, steps: number): Promise<void> {
  const run = "long";
  const workload = new Workload(LONG_RUN);
  const sender = new StepSender(grpc, describedRun(run, LONG_RUN));
  const from = performance.now();
  for (let step = 0; step < steps; step++) {
    if (!sender.bytes(workload.message(run, step))) await sender.drained();
  }
  await sender.finish(Date.now());
  const seconds = ((performance.now() - from) / 1000).toFixed(0);
  console.log(
    `A run of ${steps.toLocaleString("en")} steps opened, ${LONG_RUN.layers} layers × ${LONG_RUN.experts} experts × ${categories.length} categories, stored in ${seconds} s;`,
    `a new browser profile each time, median of ${REPETITIONS}:\n`,
  );
  const rows: string[][] = [];
  for (const view of OPENED_VIEWS) {
    const took: number[] = [];
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      await watchFirstChart(page);
      await page.goto(`http://${http}/?view=${view}&runs=${run}`);
      took.push(await firstChart(page));
      await page.context().close();
    }
    rows.push([view, median(took).toFixed(0), Math.max(...took).toFixed(0)]);
  }
  printTable(["view", "ms from navigation to the first chart", "worst"], rows);
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** Median, 95 % and worst. */
function spread(ascending: readonly number[]): string[] {
  const at = (share: number) => ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))];
  return [0.5, 0.95, 1].map((share) => at(share)?.toFixed(0) ?? "none");
}
