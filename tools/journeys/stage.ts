// What a journey starts from: a real collector with the built dashboard, and a real browser before it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applicationDirectory } from "@moescope/dashboard";
import type { Browser, BrowserContextOptions, Page, Request } from "playwright-core";
import { openBrowser } from "../browser.ts";
import { type CollectorProcess, startCollectorProcess } from "../collector-process.ts";

const command = join(import.meta.dirname, "../../packages/cli/bin/moescope.js");
/** Steps that alerts are measured over: replayed runs are short. */
const ALERT_WINDOW = 20;

export interface Visit {
  page: Page;
  /** Errors of the page, and requests that went anywhere but to its collector. */
  faults: string[];
  /** Waits until nothing that the page asked for has been under way for so many milliseconds; its live stream does not count. */
  quiet(milliseconds: number): Promise<void>;
}

export class Stage {
  /** Gone after `close`. */
  readonly folder: string;
  readonly browser: Browser;
  #collector: CollectorProcess;

  private constructor(folder: string, browser: Browser, collector: CollectorProcess) {
    this.folder = folder;
    this.browser = browser;
    this.#collector = collector;
  }

  static async open(): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), "moescope-journey-"));
    const browser = await openBrowser();
    return new Stage(folder, browser, await startCollector(folder));
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.#collector.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Of the dashboard, without a slash at its end. */
  get address(): string {
    return `http://${this.#collector.http}`;
  }

  /** host:port of the gRPC service. */
  get grpc(): string {
    return this.#collector.grpc;
  }

  killCollector(): Promise<void> {
    return this.#collector.kill();
  }

  /** On the ports and the data of the one that was killed. */
  async startCollectorAgain(): Promise<void> {
    const { http, grpc } = this.#collector;
    this.#collector = await startCollector(this.folder, portOf(http), portOf(grpc));
  }

  async get<Answer>(path: string): Promise<Answer> {
    const answer = await fetch(`${this.address}/api/v1/${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }

  /** Opens a page in a browser profile of its own: nothing is remembered from another visit. */
  async visit(path: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.browser.newContext({
      ...{ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC" },
      ...options,
    });
    // Other work may share the machine: only a hang is too slow.
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== this.address) faults.push(`left the machine: ${request.url()}`);
    });
    const quiet = quietness(page);
    await page.goto(this.address + path);
    return { page, faults, quiet };
  }

  /** Runs the built command to its end. */
  async moescope(...args: string[]): Promise<void> {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`moescope ${args.join(" ")} ended with ${code}: ${said}`);
  }

  /** The smallest run there is, on a backend that every machine has. */
  train(strategy: string, steps: number): Promise<void> {
    const settings = ["model.layers=2", "model.width=16", "model.heads=2", "model.experts=4", "model.expertWidth=8"];
    settings.push("data.batch=4", "data.sequence=16", "evaluation.every=10");
    return this.moescope(
      ...["train", "--recipe", "quick", "--backend", "wasm", "--data", "maths", "--data", "code", "--no-checkpoints"],
      ...[
        "--strategy",
        strategy,
        "--steps",
        String(steps),
        "--collector",
        this.grpc,
        "--spool",
        join(this.folder, "spool"),
      ],
      ...settings.flatMap((setting) => ["--set", setting]),
    );
  }
}

function quietness(page: Page): Visit["quiet"] {
  const underWay = new Set<Request>();
  let changed = performance.now();
  const end = (request: Request) => {
    underWay.delete(request);
    changed = performance.now();
  };
  page.on("request", (request) => {
    if (!new URL(request.url()).pathname.endsWith("/live")) underWay.add(request);
  });
  page.on("requestfinished", end);
  page.on("requestfailed", end);
  return async (milliseconds) => {
    while (underWay.size > 0 || performance.now() - changed < milliseconds) await page.waitForTimeout(50);
  };
}

function startCollector(folder: string, http = 0, grpc = 0): Promise<CollectorProcess> {
  return startCollectorProcess(join(folder, "data"), grpc, {
    http: { port: http },
    dashboardDirectory: applicationDirectory,
    alerts: { window: ALERT_WINDOW },
  });
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
