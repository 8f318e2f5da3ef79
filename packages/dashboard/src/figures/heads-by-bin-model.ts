// The figure `heads-by-bin` as data: how many attention heads of each category there are, by bins of layers.
import { type HeadCategory, headCategories, headCategory, LOCAL_THRESHOLD, PATTERN_THRESHOLD } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { type ProbedRun, parentsFirst } from "./attention-by-token-model.ts";
import { barLetter, lettersInWords } from "./bar-letters.ts";
import { type BarPanelsModel, wholePercentages } from "./bar-panels-model.ts";
import { toCsv } from "./csv.ts";
import { seriesColours } from "./series-colours.ts";

/** Bins when nothing else is asked for: early, middle and late layers can be told apart, and a bin has more than one layer in most models. */
export const DEFAULT_BINS = 4;

export interface HeadsByBinModel {
  bins: { first: number; last: number }[];
  runs: { run: string; step: number; bins: HeadsOfBin[] }[];
  caption: string;
}

export interface HeadsOfBin {
  /** One for each head category. */
  counts: number[];
  /** Whole percentages that add up to 100; all 0 for a bin without heads. */
  percentages: number[];
}

const NAMES: Record<HeadCategory, string> = {
  "previous-token": "previous token",
  "first-token": "first-token sink",
  induction: "induction",
  local: "local",
  broad: "broad",
};

/**
 * @param probed a parent is put before the run that was fine-tuned from it
 * @param binCount at most this many; layers are spread evenly over them
 * @throws RangeError that names the runs without such a probe, or whose layers differ
 */
export function headsByBinModel(probed: readonly ProbedRun[], binCount = DEFAULT_BINS): HeadsByBinModel {
  const runs = parentsFirst(probed);
  const without = runs.filter(({ probe }) => !probe.heads?.length).map(({ run }) => run.id);
  if (without.length > 0 || runs.length === 0) {
    throw new RangeError(`no heads were probed in ${without.join(", ") || "any run"}: train with probe.every above 0`);
  }
  const layers = layersOf(runs[0]!.probe);
  const differing = runs.find(({ probe }) => String(layersOf(probe)) !== String(layers));
  if (differing)
    throw new RangeError(
      `${runs[0]!.run.id} and ${differing.run.id} have different layers: one figure cannot show both`,
    );
  const bins = binsOf(layers, binCount);
  const words = lettersInWords(runs.map(({ run, probe }) => `${run.name || run.id}, step ${probe.step ?? 0}`));
  return {
    bins,
    runs: runs.map(({ run, probe }) => ({
      run: run.id ?? "",
      step: probe.step ?? 0,
      bins: bins.map((bin) => headsOf(probe, bin)),
    })),
    caption:
      `Attention heads by what they look at, for bins of layers; the percentages of a bar add up to 100. Each head has one category: the ` +
      `strongest pattern it follows with at least ${PATTERN_THRESHOLD} of its attention; else it is local from ${LOCAL_THRESHOLD} of near attention, or broad. ${words}.`,
  };
}

function layersOf({ heads = [] }: v1.Probe.$Properties): number[] {
  return [...new Set(heads.map(({ layer }) => layer ?? 0))].sort((a, b) => a - b);
}

function binsOf(layers: readonly number[], wanted: number): HeadsByBinModel["bins"] {
  const count = Math.min(wanted, layers.length);
  const start = (bin: number) => Math.floor((bin * layers.length) / count);
  return Array.from({ length: count }, (_, bin) => ({ first: layers[start(bin)]!, last: layers[start(bin + 1) - 1]! }));
}

function headsOf({ heads = [] }: v1.Probe.$Properties, { first, last }: { first: number; last: number }): HeadsOfBin {
  const inBin = heads.filter(({ layer = 0 }) => layer >= first && layer <= last).map(categoryOf);
  const counts = headCategories.map((category) => inBin.filter((each) => each === category).length);
  return { counts, percentages: wholePercentages(counts) };
}

function categoryOf(profile: v1.HeadProfile.$Properties): HeadCategory | undefined {
  const { previousToken = 0, firstToken = 0, induction = 0, local = 0, broad = 0 } = profile;
  return headCategory({ previousToken, firstToken, induction, local, broad });
}

export function headsByBinBars({ bins, runs, caption }: HeadsByBinModel): BarPanelsModel {
  const names = headCategories.map((category) => NAMES[category]);
  const colours = seriesColours(names);
  return {
    title: "Attention heads by category",
    caption,
    series: names.map((name, place) => ({ name, colour: colours[place]! })),
    values: { title: "% of the heads", max: 100 },
    groupTitle: "layers",
    panels: [
      {
        title: "",
        groups: bins.map(({ first, last }, bin) => ({
          label: first === last ? String(first) : `${first}–${last}`,
          bars: runs.map(({ bins: own }, index) => ({
            ...(runs.length > 1 && { letter: barLetter(index) }),
            segments: own[bin]!.percentages.map((value, series) => ({
              series,
              value,
              ...(value > 0 && { label: `${value} %` }),
            })),
          })),
        })),
      },
    ],
  };
}

/** The numbers behind the figure, one row for each segment, first the header. */
export function headsByBinTable({ bins, runs }: HeadsByBinModel): (string | number)[][] {
  const rows = runs.flatMap(({ run, step, bins: own }) =>
    bins.flatMap(({ first, last }, bin) =>
      headCategories.map((category, place) => {
        return [run, step, first, last, category, own[bin]!.counts[place]!, own[bin]!.percentages[place]!];
      }),
    ),
  );
  return [["run", "step", "first_layer", "last_layer", "head_category", "heads", "percent"], ...rows];
}

export function headsByBinCsv(model: HeadsByBinModel): string {
  return toCsv(headsByBinTable(model));
}
