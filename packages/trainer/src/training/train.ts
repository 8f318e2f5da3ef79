// The train loop: step, report, evaluate, until the steps are done, the loss is not a number, or someone says stop.
import { v1 } from "@moescope/proto";
import type { CheckpointWriter } from "../checkpoint/checkpoint-writer.ts";
import { prefixed } from "../checkpoint/named-array.ts";
import type { Corpus } from "../data/corpus.ts";
import type { Probe } from "../probe/probe.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Reporter, ReporterStatistics } from "../reporting/reporter.ts";
import { type Evaluation, evaluate } from "./evaluation.ts";
import type { TrainStep } from "./train-step.ts";
import { scalarsOf, type TrainingStep } from "./training-step.ts";

export interface TrainingRun {
  recipe: Recipe;
  corpus: Corpus;
  /** Fresh, or restored from a checkpoint; disposed at the end. */
  trainer: TrainStep;
  /** Updates that the trainer has made already; 0 when absent. */
  firstStep?: number;
  reporter: Reporter;
  /** Looks into the model every now and then; absent: nobody does. */
  probe?: Probe;
  /** Keeps the run every now and then, and when it is stopped or finished; absent: nowhere. */
  checkpoints?: CheckpointWriter;
  /** Called after every step; `evaluation` is there when the step was followed by one. */
  onStep?: (step: TrainingStep, evaluation: Evaluation | undefined) => void;
  /** Ends the run after the step under way. */
  signal?: AbortSignal;
}

export interface TrainingResult {
  outcome: v1.RunEnd.Outcome;
  /** Why it stopped or failed. */
  reason?: string;
  /** Updates made, those before the first step of this attempt included. */
  steps: number;
  /** The newest checkpoint of this attempt. */
  checkpoint?: string;
  last?: TrainingStep;
  evaluation?: Evaluation;
  reporting: ReporterStatistics;
}

/** Trains one run. Everything reported is sent, or lies in the spool, and every checkpoint is written when the promise resolves. */
export async function train(run: TrainingRun): Promise<TrainingResult> {
  const { recipe, corpus, trainer, firstStep = 0, reporter, probe, checkpoints, onStep, signal } = run;
  const tokensPerStep = recipe.data.batch * recipe.data.sequence;
  let steps = firstStep;
  let last: TrainingStep | undefined;
  let evaluation: Evaluation | undefined;
  const state = () => [...trainer.state(), ...prefixed(probe?.state() ?? [], "probe")];
  const end = async (outcome: v1.RunEnd.Outcome, reason?: string): Promise<TrainingResult> => {
    if (outcome !== v1.RunEnd.Outcome.FAILED) await checkpoints?.afterLastStep(steps, state);
    trainer.dispose();
    const [reporting, checkpoint] = await Promise.all([reporter.end(outcome, reason), checkpoints?.close()]);
    return { outcome, reason, steps, checkpoint, last, evaluation, reporting };
  };

  for (let step = firstStep; step < recipe.steps; step++) {
    if (signal?.aborted) return end(v1.RunEnd.Outcome.STOPPED, String(signal.reason));
    const started = performance.now();
    const trained = trainer.run(corpus.batchAt(step), step);
    const stepTime = (performance.now() - started) / 1000;
    last = { ...trained, step, stepTime, tokensPerSecond: tokensPerStep / stepTime };
    const at = { step, tokens: (step + 1) * tokensPerStep, time: Date.now() };
    reporter.step({ ...at, split: v1.Split.TRAIN, scalars: scalarsOf(last), histograms: trained.histograms });
    const fault = notFinite(last);
    if (fault) return end(v1.RunEnd.Outcome.FAILED, fault);
    steps = step + 1;

    const evaluationNow = isEvaluationDue(recipe, step) ? evaluate(trainer, corpus) : undefined;
    if (evaluationNow) {
      evaluation = evaluationNow;
      reporter.step({ ...at, split: v1.Split.EVAL, scalars: evaluation.scalars, histograms: evaluation.histograms });
    }
    if (probe?.isDue(step)) reporter.step({ ...at, split: v1.Split.PROBE, ...probe.measure(trainer, step) });
    onStep?.(last, evaluationNow);
    if (steps < recipe.steps) await checkpoints?.afterStep(steps, state);
    await turnOfEventLoop();
  }
  return end(v1.RunEnd.Outcome.FINISHED);
}

function notFinite({ step, loss, gradientNorm }: TrainingStep): string | undefined {
  if (!Number.isFinite(loss)) return `the loss is ${loss} at step ${step}; a lower optimizer.learningRate may help`;
  if (!Number.isFinite(gradientNorm)) return `the gradient norm is ${gradientNorm} at step ${step}, with loss ${loss}`;
  return undefined;
}

function isEvaluationDue({ steps, evaluation: { every } }: Recipe, step: number): boolean {
  return step === steps - 1 || (every > 0 && (step + 1) % every === 0);
}

/** TensorFlow blocks the event loop during a step; signals and timers get their turn between two. */
function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
