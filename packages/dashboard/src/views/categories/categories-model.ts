// Which steps and layers the categories figure shows, and what it says in a sentence.
import { maxViolation } from "@moescope/metrics";
import { type Arrival, NOT_FETCHED } from "../../data/arrival.ts";
import { settledStep } from "../../data/cursor.ts";
import { type RelativeLoadModel, relativeLoadModel } from "../../figures/relative-load-model.ts";
import { lastTenth, type RunSteps, spreadLayers } from "../../figures/run-steps.ts";
import { formatRatio } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

/**
 * @param wanted window from the address; undefined: the last tenth of the run
 * @param lastStep newest step of the run
 * @param growing whether more steps are to come: the default window then moves in strides
 * @returns steps to add up, both included; undefined when the run has none of them
 */
export function figureWindow(
  wanted: readonly [number, number] | undefined,
  lastStep: number,
  growing: boolean,
): readonly [number, number] | undefined {
  if (lastStep < 0) return undefined;
  if (wanted === undefined) return lastTenth(growing ? settledStep(lastStep) : lastStep);
  return wanted[0] > lastStep ? undefined : [wanted[0], Math.min(wanted[1], lastStep)];
}

/** @returns the wanted layers as far as the runs have them; without any, the first, the middle and the last */
export function figureLayers(wanted: readonly number[] | undefined, layers: readonly number[]): number[] {
  const known = (wanted ?? []).filter((layer) => layers.includes(layer));
  return known.length > 0 ? known.toSorted((a, b) => a - b) : spreadLayers(layers);
}

/** What there is to draw from. */
export type StepsState = { kind: "ready" } | { kind: "loading" } | { kind: "blank"; title: string; text: string };

/**
 * @param sources how many runs have steps of the window
 * @param arrival whether all that was asked for is here
 * @param problem why something could not be fetched
 */
export function stepsState(sources: number, arrival: Arrival, problem: string | undefined): StepsState {
  if (arrival === "loading") return { kind: "loading" };
  if (sources > 0) return { kind: "ready" };
  if (problem !== undefined || arrival === "failed")
    return { kind: "blank", title: "Nothing was fetched", text: problem ?? NOT_FETCHED };
  return { kind: "blank", title: "Nothing to add up", text: "No chosen run has a step in this window." };
}

/** @returns the figure of all runs, or in words why they cannot stand in one */
export function relativeLoadState(sources: readonly RunSteps[], layers: readonly number[]): RelativeLoadModel | string {
  try {
    return relativeLoadModel(sources, layers);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}

/** @returns for each run, which of its experts is the most specialised in the figure */
export function figureSentence({ layers }: RelativeLoadModel): string {
  const peaks = new Map<string, { value: number; text: string }>();
  for (const panel of layers.flatMap(({ panels }) => panels)) {
    for (const { category, counts } of panel.rows) {
      const value = counts.length === 0 ? Number.NaN : maxViolation(counts) + 1;
      if (!(value > (peaks.get(panel.label)?.value ?? 0))) continue;
      const expert = counts.indexOf(Math.max(...counts));
      peaks.set(panel.label, {
        value,
        text: `${panel.label}, expert ${expert} of layer ${panel.layer} gets ${formatRatio(value)} × its share of ${category}`,
      });
    }
  }
  if (peaks.size === 0) return "No tokens in these steps.";
  return `The most specialised: in ${joinWords([...peaks.values()].map(({ text }) => text))}.`;
}
