// Times counting and sending in a training process of its own; prints one JSON line.
// Usage: telemetry-cost-worker.js RECIPE ROUNDS COLLECTOR SPOOL-FOLDER COLLECTOR-PID
import { setTimeout as pause, setImmediate as turnOfEvents } from "node:timers/promises";
import { v1 } from "@moescope/proto";
import {
  CollectorReporter,
  configurationOf,
  describeRun,
  openBackend,
  openCorpus,
  resolveRecipe,
  type StepReport,
  type Trained,
  TrainStep,
} from "@moescope/trainer";

/** What the steps of a round do beyond training. */
const WAYS = ["neither", "counted", "sent"] as const;
export type Way = (typeof WAYS)[number];

export interface TelemetryCostResult {
  device: string;
  /** Milliseconds of a step, on average over each round: neither counted nor sent, counted, counted and sent. */
  milliseconds: Record<Way, number[]>;
  /** Milliseconds that the training thread gives to a report. */
  posting: number[];
  /** Bytes of the last report, and reports lost. */
  bytes: number;
  dropped: number;
}

/** Steps of a round follow each other as in training; what they send fits into a stream that nobody reads. */
const STEPS = 5;
const WARMUP_ROUNDS = 2;

const [name, rounds, address, spoolDirectory, pid] = process.argv.slice(2) as [string, string, string, string, string];
const collector = Number(pid);

const { device } = await openBackend();
// A strategy that learns nothing from counts: what training itself makes of them is not the cost of telemetry.
const configuration = configurationOf(resolveRecipe({ recipe: name, strategy: "auxiliary-loss" }), {});
const corpus = await openCorpus({ ...configuration.data, seed: configuration.seed });
const trainer = new TrainStep(configuration, corpus.categories.length);
const id = `telemetry-cost-${name}`;
const run = { ...describeRun(configuration, corpus, { id, name: id, codeVersion: "bench" }), id };
const reporter = new CollectorReporter({ address, run, spoolDirectory, notice: console.error });

let step = 0;
let reported = 0;
let report: StepReport = { step: 0, tokens: 0, time: 0, split: v1.Split.TRAIN, scalars: [], histograms: [] };
const result = await measureRounds(Number(rounds));
const { dropped } = await reporter.end(v1.RunEnd.Outcome.FINISHED);
const bytes = v1.Step.encode(report).finish().length;
console.log(JSON.stringify({ device, ...result, bytes, dropped } satisfies TelemetryCostResult));

/**
 * A round of each way in turn, another one first every time. The collector stands still during a round and stores what was sent before
 * the next: what a collector on the same cores takes is not the cost of counting and sending.
 */
async function measureRounds(rounds: number) {
  const milliseconds: Record<Way, number[]> = { neither: [], counted: [], sent: [] };
  const posting: number[] = [];
  for (let round = -WARMUP_ROUNDS; round < rounds; round++) {
    for (let turn = 0; turn < WAYS.length; turn++) {
      const way = WAYS[(round + WARMUP_ROUNDS + turn) % WAYS.length]!;
      process.kill(collector, "SIGSTOP");
      const started = performance.now();
      for (let of = 0; of < STEPS; of++) await train(way, round < 0 ? [] : posting);
      if (round >= 0) milliseconds[way].push((performance.now() - started) / STEPS);
      process.kill(collector, "SIGCONT");
      await everythingStored();
    }
  }
  return { milliseconds, posting };
}

async function train(way: Way, posting: number[]): Promise<void> {
  const trained = trainer.run(corpus.batchAt(step), step, way !== "neither");
  if (way === "sent") {
    const posted = performance.now();
    report = reportOf(step, trained);
    reporter.step(report);
    reported++;
    posting.push(performance.now() - posted);
  }
  step++;
  // As training does between steps.
  await turnOfEvents();
}

async function everythingStored(): Promise<void> {
  for (;;) {
    const { acknowledged, state, firstRejection } = reporter.statistics();
    if (state === "refused" || state === "failed") throw new Error(`the reporter is ${state}`);
    if (firstRejection !== undefined) throw new Error(`the collector rejects a report: ${firstRejection}`);
    if (acknowledged === reported) return;
    await pause(10);
  }
}

function reportOf(step: number, { histograms, ...trained }: Trained): StepReport {
  const scalars = Object.entries(trained).flatMap(([name, value]) =>
    typeof value === "number" ? [{ name, value }] : [],
  );
  const tokens = (step + 1) * run.tokensPerStep!;
  return { step, tokens, time: Date.now(), split: v1.Split.TRAIN, scalars, histograms };
}
