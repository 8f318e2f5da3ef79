// Times counting and sending in a training process of its own; prints one JSON line.
// Usage: telemetry-cost-worker.js RECIPE PAIRS COLLECTOR SPOOL-FOLDER COLLECTOR-PID
import { setTimeout as pause } from "node:timers/promises";
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
  tf,
} from "@moescope/trainer";

export interface TelemetryCostResult {
  device: string;
  /** One for each pair: milliseconds of a step that is counted and sends a report, and of one that does neither. */
  withReport: number[];
  without: number[];
  /** Milliseconds that the training thread gives to a report, of which there is one in each pair. */
  posting: number[];
  /** Milliseconds of the operations that count, inside real steps. */
  counting: number[];
  /** CPU milliseconds of one report, of every thread of this process. */
  cpuOfReport: number;
  /** Bytes of the last report, and reports lost. */
  bytes: number;
  dropped: number;
}

const WARMUP = 5;
/** Times that vary less than a whole step need fewer samples. */
const SAMPLES = 25;

const [name, pairs, address, spoolDirectory, pid] = process.argv.slice(2) as [string, string, string, string, string];
const collector = Number(pid);

const { device } = await openBackend();
const configuration = configurationOf(resolveRecipe({ recipe: name, strategy: "loss-free-bias" }), {});
const corpus = await openCorpus({ ...configuration.data, seed: configuration.seed });
const trainer = new TrainStep(configuration, corpus.categories.length);
const id = `telemetry-cost-${name}`;
const run = { ...describeRun(configuration, corpus, { id, name: id, codeVersion: "bench" }), id };
const reporter = new CollectorReporter({ address, run, spoolDirectory, notice: console.error });

let report = reportOf(0, trainer.run(corpus.batchAt(0), 0));
let reported = 0;
const result = { ...(await measurePairs(Number(pairs))), counting: await measureCounting(SAMPLES) };
const cpuOfReport = await measureCpuOfReport(SAMPLES);
const { dropped } = await reporter.end(v1.RunEnd.Outcome.FINISHED);
const bytes = v1.Step.encode(report).finish().length;
console.log(JSON.stringify({ device, ...result, cpuOfReport, bytes, dropped } satisfies TelemetryCostResult));

/**
 * Which of a pair comes first alternates. A step begins when everything reported before it is stored, and the collector stands still
 * while it lasts: what a collector on the same cores takes is not the cost of counting and sending. The uncounted steps move no
 * bias: half the updates are missing, which changes no time.
 */
async function measurePairs(pairs: number) {
  const times = { withReport: [] as number[], without: [] as number[], posting: [] as number[] };
  for (let pair = -WARMUP; pair < pairs; pair++) {
    for (const reporting of pair % 2 === 0 ? [true, false] : [false, true]) {
      const step = report.step! + 1;
      const batch = corpus.batchAt(step);
      process.kill(collector, "SIGSTOP");
      const started = performance.now();
      if (reporting) send();
      const posted = performance.now();
      const trained = trainer.run(batch, step, reporting);
      const ended = performance.now();
      process.kill(collector, "SIGCONT");
      // An uncounted step has nothing to report; the next counted one sends what the last had.
      report = { ...(reporting ? reportOf(step, trained) : report), step };
      await everythingStored();
      if (pair < 0) continue;
      times[reporting ? "withReport" : "without"].push(ended - started);
      if (reporting) times.posting.push(posted - started);
    }
  }
  return times;
}

/**
 * The step's own operations, told by their shapes: router tensors of all layers side by side, [T, L·3·E], and their sums by category,
 * [C, L·3·E]. What JavaScript makes of these few numbers afterwards is not in it.
 */
async function measureCounting(steps: number): Promise<number[]> {
  const { batch, sequence } = configuration.data;
  const width = run.moeLayers!.length * 3 * configuration.model.experts;
  const shapes = [batch * sequence, corpus.categories.length].map((rows) => `${rows},${width}`);
  const milliseconds: number[] = [];
  for (let count = -WARMUP; count < steps; count++) {
    const step = report.step! + 1;
    const data = corpus.batchAt(step);
    const { kernels } = await tf.profile(() => {
      report = reportOf(step, trainer.run(data, step));
      return [];
    });
    const counting = kernels.filter(({ outputShapes }) => shapes.includes(String(outputShapes[0])));
    if (counting.length !== shapes.length) {
      throw new Error(`${counting.length} operations of a step have the shapes [${shapes.join("] and [")}], not 2`);
    }
    const times = await Promise.all(counting.map(({ kernelTimeMs }) => kernelTimeMs));
    if (count >= 0) milliseconds.push(times.reduce<number>((sum, time) => sum + Number(time), 0));
  }
  return milliseconds;
}

/** With nothing else to do in this process, so that it can be told apart from training. */
async function measureCpuOfReport(reports: number): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < reports; index++) {
    report = { ...report, step: report.step! + 1 };
    send();
    await everythingStored();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / reports;
}

function send(): void {
  reporter.step(report);
  reported++;
}

async function everythingStored(): Promise<void> {
  for (;;) {
    const { acknowledged, state, firstRejection } = reporter.statistics();
    if (state === "refused" || state === "failed") throw new Error(`the reporter is ${state}`);
    if (firstRejection !== undefined) throw new Error(`the collector rejects a report: ${firstRejection}`);
    if (acknowledged === reported) return;
    // Seldom, as asking is not part of the cost.
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
