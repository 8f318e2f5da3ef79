// Lines of how far an inference engine and the trainer chose the same experts for generated tokens, layer by layer.
import type { Axis, Lines } from "../../address/address.ts";
import { readingOf } from "../../charts/line-series.ts";
import type { Bucket } from "../../data/bucket.ts";
import {
  type LayerReading,
  type LinesModel,
  layerLines,
  layersSentence,
  linesModel,
  type ReadLayers,
  type RunBuckets,
} from "./layer-lines.ts";

/** Scalars of rollouts: `<name>/<layer>`. */
export type RolloutScalar = "rollout/overlap" | "rollout/differ";

const WORDS: Record<RolloutScalar, { read: ReadLayers; start: string; worst: "highest" | "lowest" }> = {
  "rollout/overlap": {
    read: readScalar("rollout/overlap"),
    start: "Experts that engine and trainer both chose, averaged over layers",
    worst: "lowest",
  },
  "rollout/differ": {
    read: readScalar("rollout/differ"),
    start: "Tokens that engine and trainer route differently, averaged over layers",
    worst: "highest",
  },
};

/** @param step the step cursor, which the sentence is about */
export function rolloutModel(
  runs: readonly RunBuckets[],
  scalar: RolloutScalar,
  { axis, lines, step }: { axis: Axis; lines: Lines; step: number },
): LinesModel {
  const { read, start, worst } = WORDS[scalar];
  const drawn = layerLines(runs, axis, lines, read).filter(({ points }) => points.length > 0);
  return linesModel(runs, drawn, (arrival) =>
    layersSentence(runs, read, step, arrival, {
      start,
      worst,
      empty: "No rollout at or before this step was compared.",
      format: agreementText,
    }),
  );
}

/** "99.6 %": engines that agree do so nearly always, and what is left is what matters. */
export function agreementText(share: number): string {
  return Number.isFinite(share) ? `${Number((100 * share).toFixed(1))} %` : "no data";
}

function readScalar(scalar: RolloutScalar): ReadLayers {
  const prefix = `${scalar}/`;
  return ({ scalars = [] }: Bucket) =>
    scalars.flatMap((summary): LayerReading[] => {
      const reading = summary.name?.startsWith(prefix) ? readingOf(summary) : undefined;
      return reading === undefined ? [] : [{ layer: Number(summary.name!.slice(prefix.length)), ...reading }];
    });
}
