// Runs for tests of the comparison: two strategies, three seeds, with configurations, evaluations and counts that follow from a formula.
import { v1 } from "@moescope/proto";
import { type SyntheticOptions, syntheticBuckets, syntheticSummary } from "../../testing/synthetic-run.ts";
import type { Summary } from "./arms.ts";
import type { ComparedHistory } from "./compared-history.ts";

export interface FixtureRun {
  id: string;
  strategy: string;
  seed: number;
  configuration?: object;
  tags?: string[];
  validationLoss?: number;
  validationMaxViolation?: number;
}

const STEPS = 8;

export function comparedRun({ id, strategy, seed, configuration, tags = [], ...evaluation }: FixtureRun): Summary {
  const summary = syntheticSummary(STEPS, { id, strategy }, v1.RunSummary.State.FINISHED);
  const run: v1.RunDescription.$Properties = { ...summary.run, id, strategy, seed, tags };
  return {
    ...summary,
    ...evaluation,
    run: configuration ? { ...run, configJson: JSON.stringify(configuration) } : run,
  };
}

export function comparedHistories(
  runs: Record<string, { options: SyntheticOptions; steps?: number; width?: number }>,
): Map<string, ComparedHistory> {
  return new Map(
    Object.entries(runs).map(([id, { options, steps = STEPS, width = 1 }]) => [
      id,
      { buckets: syntheticBuckets(steps, { ...options, id }, width), width },
    ]),
  );
}

export const NO_COLOURS: ReadonlyMap<string, number> = new Map();

/** Auxiliary loss with seeds 0 and 1, loss-free with seeds 0, 1 and 2. */
export const RUNS: readonly Summary[] = [
  comparedRun({ id: "a0", strategy: "auxiliary-loss", seed: 0, validationLoss: 2.02, validationMaxViolation: 0.4 }),
  comparedRun({ id: "a1", strategy: "auxiliary-loss", seed: 1, validationLoss: 2.04, validationMaxViolation: 0.6 }),
  comparedRun({ id: "f2", strategy: "loss-free-bias", seed: 2, validationLoss: 2.03, validationMaxViolation: 0.2 }),
  comparedRun({ id: "f0", strategy: "loss-free-bias", seed: 0, validationLoss: 2.01, validationMaxViolation: 0.1 }),
  comparedRun({ id: "f1", strategy: "loss-free-bias", seed: 1, validationLoss: 2.02, validationMaxViolation: 0.3 }),
];
