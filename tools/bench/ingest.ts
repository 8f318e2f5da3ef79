// What a collector takes in, keeps and answers at the size of DeepSeek-V3: counts a second, bytes a count, memory, and query times.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ClickHouseServer, TEST_CLUSTER } from "@moescope/clickhouse-server";
import type { CollectorOptions } from "@moescope/telemetry";
import { type CollectorProcess, startCollectorProcess } from "../collector-process.ts";
import { StepSender } from "../journeys/step-sender.ts";
import {
  categories,
  countsPerStep,
  describedRun,
  experts,
  layers,
  tokensPerStep,
  Workload,
} from "./ingest-workload.ts";
import { processorSeconds } from "./processor.ts";
import { median, printTable } from "./table.ts";

const runs = ["first", "second"];
/** Of the second run: more would make the bench of a long run take twice as long, and show nothing else. */
const mostOfSecond = 20_000;
const repetitions = 7;
/** Asked before each measurement: the answers of a collector that is asked for the first times are not those of a warm one. */
const warmUp = 5;

export interface IngestOptions {
  /** Of the first of two runs, and of the second up to 20,000. */
  steps: number;
  /** ClickHouse servers, each a shard, that are started to store into; the embedded engine without one. */
  shards: number;
}

export async function ingest({ steps, shards }: IngestOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const servers = shards === 0 ? [] : await ClickHouseServer.startCluster(shards);
  const collector = await startCollectorProcess(join(directory, "data"), 0, storeOptions(servers));
  try {
    if (shards > 0)
      console.log(`Stored on ${shards} ClickHouse server(s); their processor time and memory are not shown.`);
    const workload = new Workload();
    console.log(
      `Two runs of ${lengths(steps).join(" and ")} steps at once: ${layers} layers × ${experts} experts × ${categories.length} categories,`,
      `${tokensPerStep} tokens a step, ${Math.round(workload.messageBytes / 1000)} kB a message.\n`,
    );
    const memory = new MemoryLog(collector.pid);
    const sent = await sendAll(collector, workload, steps);
    memory.stop();
    const counts = lengths(steps).reduce((sum, length) => sum + length, 0) * countsPerStep;
    const bytes = await settledBytes(collector.http);
    printTable(
      [
        "counts",
        "seconds",
        "counts/s",
        "ns of collector CPU a count",
        "ns of sender CPU a count",
        "counts/s that 2 cores have time for",
        "bytes a count on disk",
      ],
      [
        [
          counts.toLocaleString("en"),
          sent.seconds.toFixed(1),
          Math.round(counts / sent.seconds).toLocaleString("en"),
          ((sent.collectorCpu / counts) * 1e9).toFixed(1),
          ((sent.senderCpu / counts) * 1e9).toFixed(1),
          // Unlike the wall clock it does not depend on what else the machine does.
          Math.round((2 * counts) / (sent.collectorCpu + sent.senderCpu)).toLocaleString("en"),
          (bytes / counts).toFixed(3),
        ],
      ],
    );
    console.log();
    memory.print();
    console.log();
    await printQueries(collector.http, steps);
  } finally {
    await collector.kill();
    for (const server of servers) await server.stop();
    rmSync(directory, { recursive: true });
  }
}

/** @param servers each a shard of one cluster; the embedded engine without one */
export function storeOptions(servers: readonly ClickHouseServer[]): CollectorOptions {
  if (servers.length === 0) return {};
  const clickhouseUrls = servers.map(({ url }) => url);
  return servers.length === 1 ? { clickhouseUrls } : { clickhouseUrls, clickhouseCluster: TEST_CLUSTER };
}

/** Steps of each run. */
function lengths(steps: number): number[] {
  return [steps, Math.min(steps, mostOfSecond)];
}

/** Steps of a run that are made ahead, while the clock stands still: a trainer has its numbers. */
const round = 1000;

async function sendAll({ grpc, pid }: CollectorProcess, workload: Workload, steps: number) {
  const senders = runs.map((run) => new StepSender(grpc, describedRun(run)));
  const collectorBefore = processorSeconds(pid);
  let [milliseconds, senderCpu] = [0, 0];
  for (let from = 0; from < steps; from += round) {
    const messages = lengths(steps).map((length, index) => {
      const now = Math.max(0, Math.min(round, length - from));
      return Array.from({ length: now }, (_, step) => workload.message(runs[index]!, from + step));
    });
    const [began, senderBefore] = [performance.now(), process.cpuUsage()];
    await Promise.all(senders.map((sender, index) => send(sender, messages[index]!)));
    const { user, system } = process.cpuUsage(senderBefore);
    milliseconds += performance.now() - began;
    senderCpu += (user + system) / 1e6;
  }
  for (const sender of senders) sender.close();
  return { seconds: milliseconds / 1000, collectorCpu: processorSeconds(pid) - collectorBefore, senderCpu };
}

/** As fast as it is taken, until all are acknowledged. */
async function send(sender: StepSender, messages: readonly Buffer[]): Promise<void> {
  for (const message of messages) if (!sender.bytes(message)) await sender.drained();
  await sender.acknowledged();
}

class MemoryLog {
  readonly #samples: { all: number; own: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => this.#samples.push(residentMiB(pid)), 250);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The most in each fifth of the time. */
  print(): void {
    const fifths = (kind: "all" | "own") =>
      Array.from({ length: 5 }, (_, fifth) => {
        const [from, to] = [fifth, fifth + 1].map((index) => Math.floor((index * this.#samples.length) / 5));
        return Math.max(...this.#samples.slice(from, to).map((sample) => sample[kind])).toFixed(0);
      });
    printTable(
      ["most resident MiB", "in the 1st fifth of the time", "2nd", "3rd", "4th", "5th"],
      [
        ["in all", ...fifths("all")],
        ["without the pages of mapped files", ...fifths("own")],
      ],
    );
  }
}

export function residentMiB(pid: number): { all: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)![1]) / 1024;
  return { all: field("VmRSS"), own: field("RssAnon") };
}

/** Bytes of the rows once the engine has merged what it wants to merge; of parts that were merged into others, none. */
export async function settledBytes(address: string): Promise<number> {
  let bytes = await storeBytes(address);
  for (let unchanged = 0; unchanged < 10; ) {
    await pause(1000);
    const now = await storeBytes(address);
    unchanged = now === bytes ? unchanged + 1 : 0;
    bytes = now;
  }
  return bytes;
}

async function storeBytes(address: string): Promise<number> {
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  return Number(/^moescope_store_bytes (\S+)$/m.exec(metrics)![1]);
}

async function printQueries(address: string, steps: number): Promise<void> {
  const whole = `points=400`;
  const one = `points=400&layers=30`;
  const another = `points=400&layers=31&metrics=chosen`;
  const last = `from=${steps - 100}&to=${steps - 1}&points=100&layers=30`;
  const questions: [string, string[]][] = [
    ["whole run, 400 columns, no layer in detail", [`first/history?${whole}`]],
    ["whole run, 400 columns, all experts of one layer", [`first/history?${one}`]],
    ["last 100 steps, all experts of one layer", [`first/history?${last}`]],
    ["two whole runs at once, no layer in detail", runs.map((run) => `${run}/history?${whole}`)],
    ["two whole runs at once, all experts of one layer", runs.map((run) => `${run}/history?${one}`)],
    ["the same of another layer, as it is asked for next", runs.map((run) => `${run}/history?${another}`)],
    ["one step, all experts of all layers", [`first/history?from=5&to=5&points=1&layers=all`]],
  ];
  const rows: (string | number)[][] = [];
  for (const [question, paths] of questions) {
    const ask = () => Promise.all(paths.map((path) => answerBytes(`http://${address}/api/v1/runs/${path}`)));
    for (let asked = 0; asked < warmUp; asked++) await ask();
    const milliseconds: number[] = [];
    let bytes = 0;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const from = performance.now();
      bytes = (await ask()).reduce((sum, answer) => sum + answer, 0);
      milliseconds.push(performance.now() - from);
    }
    rows.push([
      question,
      median(milliseconds).toFixed(0),
      Math.max(...milliseconds).toFixed(0),
      Math.round(bytes / 1000),
    ]);
  }
  printTable(["question", `median ms of ${repetitions}`, "most ms", "kB of the answer"], rows);
}

async function answerBytes(url: string): Promise<number> {
  const answer = await fetch(url, { headers: { Accept: "application/x-protobuf" } });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return (await answer.arrayBuffer()).byteLength;
}
