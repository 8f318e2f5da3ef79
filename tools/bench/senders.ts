// How many steps a second of a job of 2,048 GPUs a collector keeps up with: 256 senders, one a node, each the sum of its 8 ranks. With
// ClickHouse servers there is a collector for each, and the job is one run for each collector, because a run belongs to one collector.
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as others, setTimeout as pause } from "node:timers/promises";
import { ClickHouseServer } from "@moescope/clickhouse-server";
import { quantile } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { type CollectorProcess, startCollectorProcess } from "../collector-process.ts";
import { StepSender } from "../journeys/step-sender.ts";
import { residentMiB, settledBytes, storeOptions } from "./ingest.ts";
import { categories, countsPerStep, describedRun, experts, layers, tokensPerStep } from "./ingest-workload.ts";
import { type ExpectedLayer, expectedStep, JobMessages } from "./job-messages.ts";
import { processorSeconds, threadSeconds } from "./processor.ts";
import { median, printTable } from "./table.ts";

const SENDERS = 256;
const GPUS_OF_A_SENDER = 8;
/** Steps of a sender that are not acknowledged. */
const WINDOW = 4;
const WARM_UP = 6;
/** Seconds that are measured, at least, where no number of steps is asked for. */
const MEASURED_FOR = 30;
/** Steps sent one at a time, with nothing else to do. */
const ALONE = 3;
/** Threads that are shown one by one, by processor time. */
const THREADS_SHOWN = 6;

export interface SendersOptions {
  /** Of the whole job, that are measured; as many as take 30 seconds without it. */
  steps: number | undefined;
  /** ClickHouse servers, each a shard with a collector in front of the cluster; the embedded engine of one collector without one. */
  shards: number;
}

/** One sender of the job. */
interface Member {
  /** Its number in the whole job. */
  number: number;
  run: string;
  rank: number;
  sender: StepSender;
  /** By step, in milliseconds since 1970. */
  sentAt: number[];
}

interface Job {
  messages: JobMessages;
  members: Member[];
  /** Steps that have been sent. */
  sent: number;
}

export async function senders({ steps, shards }: SendersOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const servers = shards === 0 ? [] : await ClickHouseServer.startCluster(shards);
  const collectors: CollectorProcess[] = [];
  try {
    for (let index = 0; index < Math.max(1, shards); index++) {
      collectors.push(await startCollectorProcess(join(directory, `data-${index}`), 0, storeOptions(servers)));
    }
    await measure({ collectors, servers, steps });
  } finally {
    for (const collector of collectors) await collector.kill();
    for (const server of servers) await server.stop();
    rmSync(directory, { recursive: true });
  }
}

interface Measured {
  collectors: readonly CollectorProcess[];
  servers: readonly ClickHouseServer[];
  steps: number | undefined;
}

async function measure({ collectors, servers, steps }: Measured): Promise<void> {
  const job: Job = { messages: new JobMessages(SENDERS), members: connected(collectors), sent: 0 };
  printSetting(job, collectors.length);
  const processes = [
    ...collectors.map(({ pid }, index) => ({ name: `collector ${index + 1}`, pid })),
    ...servers.map(({ pid }, index) => ({ name: `ClickHouse server ${index + 1}`, pid })),
    { name: "all senders", pid: process.pid },
  ];
  const pace = await pacedByAcknowledgements(job, steps, processes);
  const alone: number[] = [];
  for (let index = 0; index < ALONE; index++) alone.push(await stepAlone(job));
  const bytes = await settledBytes(collectors[0]!.http);
  printPace(pace);
  printLatency(job, pace, alone, bytes / job.sent);
  printProcesses(pace);
  await printAnswers(job, collectors);
  for (const { sender } of job.members) sender.close();
}

function printSetting({ messages }: Job, collectors: number): void {
  const counts = `${layers} layers × ${experts} experts × ${categories.length} categories`;
  console.log(
    `${SENDERS} senders with a connection each, every one the sum of ${GPUS_OF_A_SENDER} ranks (${(SENDERS * GPUS_OF_A_SENDER).toLocaleString("en")} GPUs): ${counts} with bias,`,
    `gate mass, mean probability and checksum; ${tokensPerStep.toLocaleString("en")} tokens and ${Math.round(messages.bytes / 1000)} kB a message.`,
    collectors > 1 ? `\n${collectors} collectors: the job is ${collectors} runs, one at each.` : "",
  );
  console.log(
    `Ranks step together; a sender has at most ${WINDOW} steps that are not acknowledged. Histograms come from a pool of ${messages.distinct.toLocaleString("en")} made before;`,
    "putting a message together and its checksum are within the time, as processor time of the senders.\n",
  );
}

/** Each collector has a run of its own, with its share of the senders as ranks. */
function connected(collectors: readonly CollectorProcess[]): Member[] {
  const ranks = SENDERS / collectors.length;
  return Array.from({ length: SENDERS }, (_, number) => {
    const collector = Math.floor(number / ranks);
    const run = `job-${collector}`;
    const rank = number % ranks;
    const description = { ...describedRun(run), ranks, tokensPerStep: tokensPerStep * SENDERS };
    const sender = new StepSender(collectors[collector]!.grpc, description, rank);
    return { number, run, rank, sender, sentAt: [] };
  });
}

/** No rank begins a step before all have sent the one before, and none before its window lets it. */
async function sendNext(job: Job): Promise<void> {
  const step = job.sent++;
  for (const { sender, sentAt, number, run, rank } of job.members) {
    await sender.acknowledged(step + 1 - WINDOW);
    sentAt.push(Date.now());
    sender.bytes(job.messages.message(number, step, { run, rank }));
    // Connections are read and written.
    await others();
  }
}

async function acknowledged({ members }: Job, step: number): Promise<void> {
  await Promise.all(members.map(({ sender }) => sender.acknowledged(step + 1)));
}

interface Process {
  name: string;
  pid: number;
}

interface Reading {
  at: number;
  processes: (Process & { seconds: number; threads: Map<string, number> })[];
}

interface Pace {
  before: Reading;
  after: Reading;
  /** Steps that all ranks had an acknowledgement of in between, and the first of them. */
  steps: number;
  first: number;
  load: [before: number, after: number];
  /** Most MiB of each collector, over the whole time. */
  resident: { all: number; own: number };
}

function reading(processes: readonly Process[]): Reading {
  const read = processes.map((one) => ({
    ...one,
    seconds: processorSeconds(one.pid),
    threads: threadSeconds(one.pid),
  }));
  return { at: performance.now(), processes: read };
}

/** Goes on sending while it measures, so that as much is on its way at the end as at the beginning. */
async function pacedByAcknowledgements(
  job: Job,
  steps: number | undefined,
  processes: readonly Process[],
): Promise<Pace> {
  const resident = { all: 0, own: 0 };
  const sampled = setInterval(() => {
    for (const { name, pid } of processes) if (name.startsWith("collector")) keepMost(resident, residentMiB(pid));
  }, 250);
  let goesOn = true;
  const sending = (async () => {
    while (goesOn) await sendNext(job);
  })();
  // Whoever waits for an acknowledgement is told why there is none.
  sending.catch(() => {});
  try {
    await acknowledged(job, WARM_UP - 1);
    const [before, loadBefore] = [reading(processes), loadavg()[0]!];
    let measured = 0;
    const enough = () =>
      steps === undefined ? performance.now() - before.at >= MEASURED_FOR * 1000 : measured >= steps;
    while (!enough()) await acknowledged(job, WARM_UP + measured++);
    const [after, loadAfter] = [reading(processes), loadavg()[0]!];
    return { before, after, steps: measured, first: WARM_UP, load: [loadBefore, loadAfter], resident };
  } finally {
    goesOn = false;
    await sending.then(
      () => acknowledged(job, job.sent - 1),
      () => {},
    );
    clearInterval(sampled);
  }
}

function keepMost(most: { all: number; own: number }, { all, own }: { all: number; own: number }): void {
  most.all = Math.max(most.all, all);
  most.own = Math.max(most.own, own);
}

/** @returns milliseconds from the first message until the last acknowledgement */
async function stepAlone(job: Job): Promise<number> {
  // What an earlier step left to be merged is not measured.
  await pause(2000);
  const from = performance.now();
  await sendNext(job);
  await acknowledged(job, job.sent - 1);
  return performance.now() - from;
}

function printPace({ before, after, steps, load }: Pace): void {
  const seconds = (after.at - before.at) / 1000;
  const counts = steps * SENDERS * countsPerStep;
  const used = sumOf(spent(before, after).map((one) => one.seconds));
  const collectors = sumOf(
    spent(before, after)
      .filter(({ name }) => name.startsWith("collector"))
      .map((one) => one.seconds),
  );
  printTable(
    [
      ...["steps of the job", "seconds", "steps/s", "counts/s", "ns of collector CPU a count"],
      ...["processor s a step, all processes", "steps/s that 2 cores have time for", "load average before, after"],
    ],
    [
      [
        ...[steps, seconds.toFixed(1), (steps / seconds).toFixed(3), Math.round(counts / seconds).toLocaleString("en")],
        ...[((collectors / counts) * 1e9).toFixed(1), (used / steps).toFixed(2), ((2 * steps) / used).toFixed(3)],
        load.map((one) => one.toFixed(1)).join(", "),
      ],
    ],
  );
  console.log();
}

function printLatency({ members }: Job, pace: Pace, alone: readonly number[], bytes: number): void {
  const milliseconds = members.flatMap(({ sender, sentAt }) =>
    Array.from({ length: pace.steps }, (_, index) => {
      const step = pace.first + index;
      return sender.acknowledgedAt[step + 1]! - sentAt[step]!;
    }),
  );
  milliseconds.sort((a, b) => a - b);
  printTable(
    [
      ...[`ms until a message is acknowledged, ${WINDOW} steps on their way: median`, "99 %"],
      `ms of a whole step with nothing else to do, median of ${ALONE}`,
      ...["most resident MiB of a collector", "without mapped files", "bytes stored a step", "a count"],
    ],
    [
      [
        ...[0.5, 0.99].map((share) => Math.round(quantile(milliseconds, share)).toLocaleString("en")),
        ...[Math.round(median(alone)).toLocaleString("en"), pace.resident.all.toFixed(0), pace.resident.own.toFixed(0)],
        ...[Math.round(bytes).toLocaleString("en"), (bytes / (SENDERS * countsPerStep)).toFixed(3)],
      ],
    ],
  );
  console.log();
}

function spent(before: Reading, after: Reading) {
  return after.processes.map(({ name, seconds, threads }, index) => {
    const earlier = before.processes[index]!;
    const byThread = [...threads].map(([thread, until]) => ({
      thread,
      seconds: until - (earlier.threads.get(thread) ?? 0),
    }));
    return { name, seconds: seconds - earlier.seconds, byThread: byThread.sort((a, b) => b.seconds - a.seconds) };
  });
}

function printProcesses({ before, after, steps }: Pace): void {
  const counts = steps * SENDERS * countsPerStep;
  const figures = (seconds: number) => [seconds.toFixed(1), ((seconds / counts) * 1e9).toFixed(1)];
  const rows = spent(before, after).flatMap(({ name, seconds, byThread }) => [
    [name, "", ...figures(seconds)],
    ...byThread.slice(0, THREADS_SHOWN).map((one) => ["", one.thread, ...figures(one.seconds)]),
  ]);
  printTable(["process", "threads of this name", "processor s", "ns a count"], rows);
  console.log();
}

/** What is stored is the sum over the ranks. @throws Error where it is not */
async function printAnswers(job: Job, collectors: readonly CollectorProcess[]): Promise<void> {
  const checked = [0, Math.floor(job.sent / 2), job.sent - 1];
  const milliseconds: number[] = [];
  for (const [index, { http }] of collectors.entries()) {
    const run = `job-${index}`;
    const members = job.members.filter((member) => member.run === run).map(({ number }) => number);
    for (const step of checked) {
      const from = performance.now();
      const bucket = await storedStep(http, run, step);
      milliseconds.push(performance.now() - from);
      check(bucket, expectedStep(job.messages, members, step), members.length);
    }
  }
  console.log(
    `Counts, tokens and biases of steps ${checked.join(", ")} as the API answers them are the sums over the ranks, exactly, and gate mass within its 8 bits.`,
    `Such an answer, one step with every layer, took ${median(milliseconds).toFixed(0)} ms (median of ${milliseconds.length}).`,
  );
}

async function storedStep(http: string, run: string, step: number): Promise<v1.StepBucket> {
  const url = `http://${http}/api/v1/runs/${run}/history?from=${step}&to=${step}&points=1&layers=all`;
  const answer = await fetch(url, { headers: { Accept: "application/x-protobuf" } });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return v1.History.decode(new Uint8Array(await answer.arrayBuffer())).buckets[0] as v1.StepBucket;
}

function check({ ranks, layers: stored, firstStep }: v1.StepBucket, expected: ExpectedLayer[], members: number): void {
  const found = {
    ranks,
    layers: stored.map(({ layer, tokens, categories }) => ({
      layer,
      tokens,
      counts: categories.map(({ counts }) => [...counts]),
    })),
  };
  const wanted = { ranks: members, layers: expected.map(({ tokens, counts }, layer) => ({ layer, tokens, counts })) };
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`step ${firstStep}: what is stored is not the sum over the ranks`);
  for (const [layer, { bias, gateMass }] of expected.entries()) {
    const { selectionBias, gateMass: masses } = stored[layer]!;
    const near = gateMass.every((mass, expert) => Math.abs(masses[expert]! - mass) <= mass / 256);
    if (!near || bias.some((one, expert) => one !== selectionBias[expert])) {
      throw new Error(`step ${firstStep}, layer ${layer}: gate mass or bias are not those that the ranks sent`);
    }
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
