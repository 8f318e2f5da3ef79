// Validation loss against MaxVio: every run, every arm's mean, and the arms that no other beats on both counts.
import { type Sample, sampleOf } from "@moescope/metrics";
import { idOf } from "../../data/chosen-runs.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { joinWords, plural } from "../../format/sentence.ts";
import type { Arm, Summary } from "./arms.ts";
import { seedOf } from "./arms.ts";

export interface ScatterRun {
  id: string;
  seed: number;
  /** Made so far. */
  steps: number;
  /** MaxVio of the counts summed over the validation set, mean over layers. */
  maxViolation: number;
  /** Nats per token. */
  loss: number;
}

export interface ScatterArm {
  arm: Arm;
  /** Those that were evaluated. */
  runs: ScatterRun[];
  maxViolation: Sample;
  loss: Sample;
  /** No other arm has both a lower or equal mean loss and a lower or equal mean MaxVio, one of them lower. */
  onFrontier: boolean;
}

export interface ScatterModel {
  arms: ScatterArm[];
  /** Means of the arms on the frontier, from the lowest MaxVio. */
  frontier: { maxViolation: number; loss: number }[];
  xDomain: readonly [number, number];
  yDomain: readonly [number, number];
  sentence: string;
}

/** Room around the outermost points, as a share of the extent. */
const PADDING = 0.08;

export function scatterModel(
  arms: readonly Arm[],
  pair: { baseline: Arm | undefined; against: Arm | undefined },
): ScatterModel {
  const measured = arms.map(scatterArm).filter(({ runs }) => runs.length > 0);
  const scattered = measured.map((arm) => ({ ...arm, onFrontier: !measured.some((other) => beats(other, arm)) }));
  const frontier = scattered
    .filter(({ onFrontier }) => onFrontier)
    .map(({ maxViolation, loss }) => ({ maxViolation: maxViolation.mean, loss: loss.mean }))
    .sort((a, b) => a.maxViolation - b.maxViolation);
  const values = (read: (run: ScatterRun) => number, sample: (arm: ScatterArm) => Sample) =>
    scattered.flatMap((arm) => [...arm.runs.map(read), ...ends(sample(arm))]);
  return {
    arms: scattered,
    frontier,
    xDomain: domainOf(
      values(
        (run) => run.maxViolation,
        (arm) => arm.maxViolation,
      ),
      0,
    ),
    yDomain: domainOf(
      values(
        (run) => run.loss,
        (arm) => arm.loss,
      ),
    ),
    sentence: sentenceOf(scattered, arms, pair),
  };
}

function scatterArm(arm: Arm): ScatterArm {
  const runs = arm.runs.filter(isEvaluated).map((summary) => ({
    id: idOf(summary),
    seed: seedOf(summary),
    steps: (summary.lastStep ?? 0) + 1,
    maxViolation: summary.validationMaxViolation ?? Number.NaN,
    loss: summary.validationLoss ?? Number.NaN,
  }));
  const maxViolation = sampleOf(runs.map((run) => run.maxViolation));
  return { arm, runs, maxViolation, loss: sampleOf(runs.map((run) => run.loss)), onFrontier: false };
}

/** Without an evaluation both are 0; one that diverged has no place on paper. */
function isEvaluated({ validationLoss = 0, validationMaxViolation }: Summary): boolean {
  return validationLoss > 0 && Number.isFinite(validationLoss) && Number.isFinite(validationMaxViolation);
}

function beats(a: ScatterArm, b: ScatterArm): boolean {
  const [less, lighter] = [a.loss.mean - b.loss.mean, a.maxViolation.mean - b.maxViolation.mean];
  return less <= 0 && lighter <= 0 && (less < 0 || lighter < 0);
}

function ends({ mean, deviation }: Sample): number[] {
  return Number.isNaN(deviation) ? [mean] : [mean - deviation, mean + deviation];
}

function domainOf(values: readonly number[], least = Number.NEGATIVE_INFINITY): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * PADDING;
  return [Math.max(least, low - room), high + room];
}

function sentenceOf(
  scattered: readonly ScatterArm[],
  all: readonly Arm[],
  { baseline, against }: { baseline: Arm | undefined; against: Arm | undefined },
): string {
  if (scattered.length === 0) return "None of these runs has been evaluated yet.";
  const [one, other] = [against, baseline].map((arm) => scattered.find((each) => each.arm === arm));
  const best = scattered.filter(({ onFrontier }) => onFrontier).map(({ arm }) => arm.name);
  const missing =
    all.reduce((sum, { runs }) => sum + runs.length, 0) - scattered.reduce((sum, { runs }) => sum + runs.length, 0);
  const lengths = scattered.flatMap(({ runs }) => runs.map(({ steps }) => steps));
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
  const parts = [
    one !== undefined && other !== undefined ? `${pairText(one, other)}.` : "",
    scattered.length > 2 ? `No arm beats ${joinWords(best)} on both counts.` : "",
    shortest < longest ? `The runs are ${shortest} to ${longest} steps long.` : "",
    missing > 0 ? `${plural(missing, "run")} without an evaluation ${missing === 1 ? "is" : "are"} left out.` : "",
  ];
  const [only] = scattered;
  if (scattered.length === 1)
    parts.unshift(
      `${only!.arm.name} has a validation loss of ${formatValue(only!.loss.mean)} at MaxVio ${formatRatio(only!.maxViolation.mean)}.`,
    );
  return parts.filter(Boolean).join(" ");
}

/** "loss-free-bias has 0.31 lower MaxVio at 0.010 lower loss than auxiliary-loss, over 3 runs each" */
function pairText(one: ScatterArm, other: ScatterArm): string {
  const balance = gapText(one.maxViolation.mean - other.maxViolation.mean, formatRatio, "MaxVio");
  const loss = gapText(one.loss.mean - other.loss.mean, formatValue, "loss");
  const [n, m] = [one.runs.length, other.runs.length];
  const over = n === m ? `over ${plural(n, "run")} each` : `over ${n} and ${m} runs`;
  return `${one.arm.name} has ${balance} at ${loss} than ${other.arm.name}, ${over}`;
}

function gapText(gap: number, format: (value: number) => string, noun: string): string {
  return `${format(Math.abs(gap))} ${gap < 0 ? "lower" : "higher"} ${noun}`;
}

/** Rows of the data behind the scatter, for a CSV file. */
export function scatterTable({ arms }: ScatterModel): (string | number)[][] {
  const rows = arms.flatMap(({ arm, runs, onFrontier }) =>
    runs.map(({ id, seed, maxViolation, loss }) => [arm.name, id, seed, maxViolation, loss, onFrontier ? 1 : 0]),
  );
  return [["arm", "run", "seed", "max_violation_global", "validation_loss", "arm_on_frontier"], ...rows];
}
