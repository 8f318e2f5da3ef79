// `moescope compare`: strategies × seeds of one recipe, then tables of means with spread and of differences seed by seed.
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Client } from "@moescope/dashboard/api";
import { baseUrl, findCollector } from "@moescope/telemetry";
import { type CollectorAccess, readConfiguration } from "@moescope/trainer";
import { type Command, Option } from "commander";
import { type AccessOptions, accessOf, addAccessOptions } from "../access/access-options.ts";
import { collectorClient } from "../access/collector-client.ts";
import { list, port, repeated, seedList } from "../arguments.ts";
import { listening, openCollector, type Ports } from "../collecting/open-collector.ts";
import { overTls } from "../collecting/with-collector.ts";
import { armsOf } from "../comparing/arms.ts";
import { carryOut, type FinishedRun } from "../comparing/carry-out.ts";
import { type Comparison, comparisonOf, type FailedRun } from "../comparing/comparison.ts";
import { writeComparison } from "../comparing/comparison-files.ts";
import { comparisonJson } from "../comparing/comparison-json.ts";
import { comparisonText } from "../comparing/comparison-text.ts";
import { describeTraining } from "../comparing/describe-training.ts";
import { measureRun } from "../comparing/measure-run.ts";
import { type PlannedRun, planRuns } from "../comparing/plan.ts";
import { Failure, WrongUse } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { listed, note, print, printJson } from "../terminal/lines.ts";
import { prepareBackend } from "../training/prepare-backend.ts";
import { addSharedRunOptions, type RunOptions } from "../training/run-options.ts";

interface CompareOptions extends RunOptions, Ports, AccessOptions {
  strategies?: string[];
  arm?: string[];
  vary?: string[];
  seeds: number[];
  name?: string;
  again?: boolean;
  dataDir: string;
  write?: string;
  json?: boolean;
}

const examples = `
An arm is what is set against the others. --strategies makes one of every strategy named; --arm names one and gives it settings of its
own; --vary makes every arm once with each value. All arms train with every seed. A run that is finished in the store already, with
the same configuration, is taken from there, and one that was stopped is gone on with.

Examples:
  moescope compare --strategies auxiliary-loss,loss-free-bias --seeds 0,1,2
  moescope compare --strategies loss-free-bias --vary balancing.speed=0.001,0.01,0.1 --write results
  moescope compare --arm sequence=auxiliary-loss,balancing.scope=sequence --arm global=auxiliary-loss --set data.order=by-category
`;

export function define(program: Command): void {
  const command = program.command("compare").summary("train strategies with several seeds and compare them");
  addAccessOptions(addSharedRunOptions(command, "trends"))
    .description(
      "Trains every arm with every seed, live on a dashboard, and prints means with spread and paired differences.",
    )
    .option("--strategies <names>", "an arm of each, as in a,b (default: auxiliary-loss,loss-free-bias)", list)
    .option("--arm <name=strategy,key=value,...>", "an arm with settings of its own; may be repeated", repeated)
    .option(
      "--vary <key=values>",
      "every arm with each value, as in balancing.speed=0.01,0.1; may be repeated",
      repeated,
    )
    .addOption(
      new Option("--seeds <numbers>", "every arm with each seed").argParser(seedList).default([0, 1, 2], "0,1,2"),
    )
    .option(
      "--name <text>",
      "what the comparison is called; its runs are tagged compare=NAME (default: the recipe's name)",
    )
    .option("--again", "train even what is finished already")
    .option("--data-dir <dir>", "holds the store, checkpoints and spool", defaultDataDirectory)
    .option("--http <port>", "port of the dashboard (default: 4680, or the next free one)", port)
    .option("--grpc <port>", "port that the runs report to (default: 4681, or the next free one)", port)
    .option("--write <dir>", "leave tables (.md, .csv) and figures (.svg, .png, .csv) there")
    .option("--json", "print the comparison as JSON")
    .addHelpText("after", examples)
    .action((options: CompareOptions) => interruptible((signal) => compare(options, signal)));
}

async function compare(options: CompareOptions, signal: AbortSignal): Promise<void> {
  // Whatever is wrong with an arm is said before anything starts.
  const arms = armsOf(options);
  const plan = planRuns(arms, options.seeds, options);
  const { recipe, name = recipe, dataDir, backend, again, write } = options;
  if (write !== undefined) await makeDirectory(write);
  const fallbackKnown = await prepareBackend(backend, signal);
  const collector = await collectorOf(options);
  try {
    note(`Dashboard  ${collector.url}`);
    note(`Training   ${describeTraining(plan, options.set)}`);
    const client = await collectorClient(collector.url, collector.access);
    const stored = await allRuns(client);
    const { address, access } = collector;
    const workshop = { name, dataDirectory: dataDir, collector: { address, access }, stored, again, backend };
    const { finished, failed } = await carryOut(plan, { ...workshop, fallbackKnown }, signal);
    await conclude(comparisonOf(name, arms, await measured(client, finished), failed), plan, options);
  } finally {
    await collector.stop();
  }
}

/** Now, not after an hour of training. */
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: Error) => {
    throw new WrongUse(`--write ${path}: ${error.message}; allowed is a directory that can be written to`);
  });
}

interface RunningCollector {
  /** Of the dashboard and the API. */
  url: string;
  /** host:port that runs report to. */
  address: string;
  access: CollectorAccess;
  stop(): Promise<unknown>;
}

/** The one that owns the directory, which goes on afterwards, or one for as long as this takes. */
async function collectorOf({ dataDir, http, grpc, ...options }: CompareOptions): Promise<RunningCollector> {
  const running = await findCollector(dataDir);
  if (running) {
    const access = overTls(accessOf(options), running.tls);
    return { url: baseUrl(running), address: running.grpcAddress, access, stop: async () => {} };
  }
  const opened = await openCollector({ dataDirectory: dataDir, logLevel: "error", ...listening({ http, grpc }) });
  for (const notice of opened.notices) note(notice);
  return { url: baseUrl(opened), address: opened.grpcAddress, access: {}, stop: () => opened.stop() };
}

async function measured(client: Client, finished: readonly FinishedRun[]) {
  const stored = await allRuns(client);
  const runs = [];
  for (const { arm, seed, run, origin } of finished) {
    const summary = findRun(stored, run);
    const { corpus } = readConfiguration(JSON.parse(summary.run.configJson));
    runs.push({ run, arm: arm.name, seed, origin, corpus, ...(await measureRun(client, summary)) });
  }
  return runs;
}

async function conclude(comparison: Comparison, plan: readonly PlannedRun[], options: CompareOptions): Promise<void> {
  const { write, json, set } = options;
  const trainedOn = describeTraining(plan, set);
  const drawable = comparison.arms.some(({ runs }) => runs.length > 0);
  const files = write && drawable ? await writeComparison(comparison, resolve(write), trainedOn) : [];
  if (json) printJson({ ...comparisonJson(comparison, trainedOn), files });
  else print(["", ...comparisonText(comparison, trainedOn)]);
  if (!json && files.length > 0) print(["", ...listed("Files", files)]);
  refuseFailures(comparison.failed);
}

function refuseFailures(failed: readonly FailedRun[]): void {
  if (failed.length === 0) return;
  throw new Failure(`${failed.length} ${failed.length === 1 ? "run" : "runs"} failed; the others are compared above`);
}
