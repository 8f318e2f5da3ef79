// The training process: started by the command with the environment TensorFlow needs, told what to train over the channel.
import { maxViolation } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import {
  beginRun,
  CollectorReporter,
  configurationOf,
  describeRun,
  fitToData,
  type OpenBackend,
  openBackend,
  openCorpus,
  type Recipe,
  type Reporter,
  type TrainingResult,
  type TrainingStep,
  train,
  workingLoadsOf,
} from "@moescope/trainer";
import { Failure } from "../failure.ts";
import type { FromTraining, ToTraining, TrainingEnded, TrainingOrder } from "./messages.ts";
import { NoReporter } from "./no-reporter.ts";

const stop = new AbortController();

process.on("message", (message: ToTraining) => {
  if (message.kind === "stop") stop.abort(message.reason);
  else void carryOut(message);
});
process.on("disconnect", () => stop.abort("the command that started this run is gone"));
// Ctrl-C reaches the whole group; what it means here is the command's to say.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

async function carryOut(order: TrainingOrder): Promise<void> {
  try {
    const ended = await trainRun(order);
    if (ended) await send(ended);
  } catch (error) {
    const { name, message, stack } = error as Error;
    await send({ kind: "error", name, message, stack });
  }
  process.exit();
}

/** @returns undefined when it was stopped before anything was reported */
async function trainRun(order: TrainingOrder): Promise<TrainingEnded | undefined> {
  const { recipe, sources, tokenizer, identity, collector, checkpoints, resume, parent, from } = order;
  const tell = (line: string) => void send({ kind: "notice", line });
  const { name: backend, device, notice } = await openBackendOf(order.backend);
  const reading = { sources, tokenizer, seed: recipe.seed, notice: tell, signal: stop.signal };
  const corpus = await openCorpus({ ...recipe.data, ...reading }).catch(undefinedIfStopped);
  if (!corpus || stop.signal.aborted) return undefined;
  const configuration = fitToData(configurationOf(recipe, { sources, tokenizer }, parent), corpus);
  const kept = { checkpoints, resume, from, notice: tell };
  const begun = beginRun({ configuration, corpus, identity, backend, ...kept });
  const { attempt, firstStep } = begun;
  await send({ kind: "started", device, ...(notice && { notice }), attempt, firstStep });
  const reporter: Reporter = collector
    ? new CollectorReporter({
        ...collector,
        run: { ...describeRun(configuration, corpus, identity), id: identity.id },
        attempt,
        flushMilliseconds: 2000,
        notice: tell,
      })
    : new NoReporter();
  const running = {
    recipe: configuration,
    corpus,
    reporter,
    onStep: reportProgress(configuration.model),
    signal: stop.signal,
  };
  return endOf(await train({ ...running, ...begun }));
}

/** Preparing the data of the user's may take minutes, and ends with the signal. */
function undefinedIfStopped(error: unknown): undefined {
  if (!stop.signal.aborted) throw error;
}

async function openBackendOf(name: string | undefined): Promise<OpenBackend> {
  try {
    return await openBackend(name);
  } catch (error) {
    throw new Failure((error as Error).message, { cause: error });
  }
}

/** Progress that the command has not yet taken is not added to: it shows only the newest anyway. */
function reportProgress(model: Recipe["model"]): (step: TrainingStep) => void {
  let underWay = false;
  return ({ step, loss, tokensPerSecond, histograms }) => {
    if (underWay) return;
    underWay = true;
    const perLayer = histograms.map((histogram) => maxViolation(workingLoadsOf(histogram, model)));
    const mean = perLayer.reduce((sum, value) => sum + value, 0) / perLayer.length;
    void send({ kind: "progress", steps: step + 1, loss, tokensPerSecond, maxViolation: mean }).then(() => {
      underWay = false;
    });
  };
}

const outcomes: Partial<Record<v1.RunEnd.Outcome, TrainingEnded["outcome"]>> = {
  [v1.RunEnd.Outcome.FINISHED]: "finished",
  [v1.RunEnd.Outcome.STOPPED]: "stopped",
};

function endOf({ outcome, reason, steps, checkpoint, last, evaluation, reporting }: TrainingResult): TrainingEnded {
  return {
    kind: "ended",
    outcome: outcomes[outcome] ?? "failed",
    ...(reason !== undefined && { reason }),
    steps,
    ...(checkpoint !== undefined && { checkpoint }),
    ...(last && { loss: last.loss }),
    ...(evaluation && { evaluation: numbersOf(evaluation) }),
    reporting,
  };
}

function numbersOf({ loss, maxViolation, deadExperts, dropped }: NonNullable<TrainingResult["evaluation"]>) {
  return { loss, maxViolation, deadExperts, dropped };
}

/** Resolves when the message is on its way, or when there is nobody to take it any more. */
function send(message: FromTraining): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });
}
