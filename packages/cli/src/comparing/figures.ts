// The figures of a comparison, from its numbers.
import {
  type BalanceOverStepsArm,
  type BalanceStretch,
  balanceOverStepsModel,
  lossAgainstBalanceModel,
  renderBalanceOverSteps,
  renderLossAgainstBalance,
  toCsv,
} from "@moescope/dashboard/figures";
import { sampleOf } from "@moescope/metrics";
import type { Figure } from "../figures/figure.ts";
import type { ComparedArm, Comparison } from "./comparison.ts";

/** @param trainedOn what all arms share, as a sentence */
export function lossAgainstBalance({ arms }: Comparison, trainedOn: string): Figure {
  const points = arms.filter(hasRuns).map(({ name, runs, samples }) => ({
    name,
    seeds: runs.map(({ seed, measures }) => {
      return { seed, maxViolation: measures.maxViolationGlobal, loss: measures.validationLoss };
    }),
    maxViolation: samples.maxViolationGlobal,
    loss: samples.validationLoss,
  }));
  const header = ["arm", "seed", "max_violation_global", "validation_loss"];
  const rows = points.flatMap(({ name, seeds }) => seeds.map((run) => [name, run.seed, run.maxViolation, run.loss]));
  return {
    svg: () => renderLossAgainstBalance(lossAgainstBalanceModel(points, trainedOn)),
    csv: () => toCsv([header, ...rows]),
  };
}

/** @param trainedOn what all arms share, as a sentence */
export function balanceOverSteps({ arms }: Comparison, trainedOn: string): Figure {
  const lines = balanceLines(arms.filter(hasRuns));
  const header = ["arm", "seeds", "first_step", "last_step", "max_violation_mean", "max_violation_deviation"];
  const rows = lines.flatMap(({ name, seeds, stretches }) =>
    stretches.map(({ firstStep, lastStep, mean, deviation }) => [name, seeds, firstStep, lastStep, mean, deviation]),
  );
  return {
    svg: () => renderBalanceOverSteps(balanceOverStepsModel(lines, trainedOn)),
    csv: () => toCsv([header, ...rows]),
  };
}

function hasRuns({ runs }: ComparedArm): boolean {
  return runs.length > 0;
}

/** More would only draw the noise of single batches. */
const mostStretches = 100;

function balanceLines(arms: readonly ComparedArm[]): BalanceOverStepsArm[] {
  const longest = Math.max(...arms.flatMap(({ runs }) => runs.map(({ maxViolation }) => maxViolation.length)));
  const width = Math.ceil(longest / mostStretches);
  return arms.map(({ name, runs }) => ({
    name,
    seeds: runs.length,
    stretches: stretchesOf(
      runs.map(({ maxViolation }) => maxViolation),
      width,
    ),
  }));
}

/** Each seed is averaged over a stretch first: the spread is that of seeds, not of steps. */
function stretchesOf(seeds: readonly number[][], width: number): BalanceStretch[] {
  const steps = seeds[0]!.length;
  return Array.from({ length: Math.ceil(steps / width) }, (_, place) => {
    const [from, to] = [place * width, Math.min(steps, (place + 1) * width)];
    const { mean, deviation } = sampleOf(seeds.map((values) => sampleOf(values.slice(from, to)).mean));
    return { firstStep: from, lastStep: to - 1, mean, deviation };
  });
}
