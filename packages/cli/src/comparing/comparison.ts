// A comparison as numbers: every arm over its seeds, and every pair of arms seed by seed. Nothing here reads or prints.
import { type PairedDifference, pairedDifference, type Sample, sampleOf } from "@moescope/metrics";
import type { Arm } from "./arms.ts";
import { measures, pairedMeasures, type RunMeasures } from "./measures.ts";

/** Where the numbers of a run come from: trained now, gone on with, or finished before. */
export type Origin = "trained" | "resumed" | "stored";

export interface ComparedRun {
  run: string;
  arm: string;
  seed: number;
  origin: Origin;
  /** Fingerprint of the data that it was trained on; undefined for runs of earlier versions. */
  corpus: string | undefined;
  measures: RunMeasures;
  /** MaxVio of every step, mean over layers. */
  maxViolation: number[];
}

export interface FailedRun {
  run: string;
  arm: string;
  seed: number;
  reason: string;
}

export interface ComparedArm extends Arm {
  runs: ComparedRun[];
  samples: Record<keyof RunMeasures, Sample>;
}

/** `second` minus `first`, over the seeds that both have. */
export interface ArmDifference extends PairedDifference {
  measure: (typeof pairedMeasures)[number];
  first: string;
  second: string;
}

export interface Comparison {
  name: string;
  arms: ComparedArm[];
  differences: ArmDifference[];
  failed: readonly FailedRun[];
}

export function comparisonOf(
  name: string,
  arms: readonly Arm[],
  runs: readonly ComparedRun[],
  failed: readonly FailedRun[],
): Comparison {
  const compared = arms.map((arm) => {
    return armOf(
      arm,
      runs.filter((run) => run.arm === arm.name),
    );
  });
  return { name, arms: compared, differences: pairsOf(compared).flatMap(differencesOf), failed };
}

function armOf(arm: Arm, runs: ComparedRun[]): ComparedArm {
  const samples = measures.map(({ name }) => [name, sampleOf(runs.map((run) => run.measures[name]))]);
  return { ...arm, runs, samples: Object.fromEntries(samples) as ComparedArm["samples"] };
}

function pairsOf(arms: readonly ComparedArm[]): [ComparedArm, ComparedArm][] {
  return arms.flatMap((first, place) =>
    arms.slice(place + 1).map((second): [ComparedArm, ComparedArm] => [first, second]),
  );
}

function differencesOf([first, second]: [ComparedArm, ComparedArm]): ArmDifference[] {
  return pairedMeasures.map((measure) => {
    const differences = first.runs.flatMap(({ seed, measures: one }) => {
      const other = second.runs.find((run) => run.seed === seed);
      return other ? [other.measures[measure] - one[measure]] : [];
    });
    return { measure, first: first.name, second: second.name, ...pairedDifference(differences) };
  });
}

/** What a reader of the numbers has to know about them, a sentence each. */
export function cautionsOf({ arms, failed }: Comparison): string[] {
  const fewest = Math.min(...arms.map(({ runs }) => runs.length));
  const cautions = failed.map(({ run, arm, seed, reason }) => `Run ${run} (${arm}, seed ${seed}) failed: ${reason}`);
  if (fewest < 3) {
    const seeds = fewest === 1 ? "1 seed" : `${fewest} seeds`;
    cautions.push(
      `An arm has only ${seeds}: ${fewest < 2 ? "there is no spread" : "the spread means little"}, and a difference may be chance`,
    );
  }
  const corpora = corporaOf(arms);
  if (corpora.length > 1) {
    cautions.push(`Losses cannot be compared: the runs were trained on different data, ${corpora.join(" and ")}`);
  }
  return cautions;
}

/** Fingerprints of the data that runs were trained on, each once. */
export function corporaOf(arms: readonly ComparedArm[]): string[] {
  const known = arms.flatMap(({ runs }) => runs.map(({ corpus }) => corpus ?? "data of an earlier version"));
  return [...new Set(known)];
}
