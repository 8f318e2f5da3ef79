// The figure `modality-share` as data: what each expert's tokens are made of, experts sorted by the first category's share.
import { categoryShares } from "@moescope/metrics";
import type { BarPanelsModel } from "./bar-panels-model.ts";
import { toCsv } from "./csv.ts";
import { addedUp, countsByCategory, type RunSteps, runInWords } from "./run-steps.ts";
import { seriesColours } from "./series-colours.ts";

export interface ModalityShareModel {
  run: string;
  /** `text` first where there is one: experts are sorted by the share of the first. */
  categories: string[];
  layers: { layer: number; experts: ExpertMakeUp[] }[];
  caption: string;
}

export interface ExpertMakeUp {
  expert: number;
  /** Assignments of each category. */
  counts: number[];
  /** Percentages of each category, rescaled to weigh the same; they add up to 100, or are all NaN for an expert without tokens. */
  percentages: number[];
}

/** @param layers indices of the MoE layers to show */
export function modalityShareModel({ run, history }: RunSteps, layers: readonly number[]): ModalityShareModel {
  const bucket = addedUp(history);
  const names = run.categories ?? [];
  const order = names
    .map((_, place) => place)
    .sort((a, b) => Number(names[b] === "text") - Number(names[a] === "text"));
  const categories = order.map((place) => names[place]!);
  return {
    run: run.id ?? "",
    categories,
    layers: layers.map((layer) => {
      const counts = countsByCategory(run, bucket, layer);
      return { layer, experts: makeUps(order.map((place) => counts[place]!)) };
    }),
    caption:
      `What the tokens of each expert are made of, each category rescaled to weigh the same: equal shares mean that the expert does not ` +
      `care. Experts are sorted by their share of ${categories[0] ?? "the first category"}; each appears once, and one without tokens has no bar. ${runInWords(run, bucket)}.`,
  };
}

/** Experts without tokens come last. */
function makeUps(counts: readonly number[][]): ExpertMakeUp[] {
  const rows = categoryShares(counts);
  const experts = (counts[0] ?? []).map((_, expert) => ({
    expert,
    counts: counts.map((row) => row[expert]!),
    percentages: rows.map((row) => 100 * row[expert]!),
  }));
  const first = ({ percentages }: ExpertMakeUp) => (Number.isNaN(percentages[0]) ? -1 : percentages[0]!);
  return experts.sort((a, b) => first(b) - first(a) || a.expert - b.expert);
}

export function modalityShareBars({ categories, layers, caption }: ModalityShareModel): BarPanelsModel {
  const colours = seriesColours(categories);
  return {
    title: "What the tokens of each expert are",
    caption,
    series: categories.map((name, place) => ({ name, colour: colours[place]! })),
    values: { title: "% of the expert's tokens", max: 100 },
    groupTitle: "expert",
    panels: layers.map(({ layer, experts }) => ({
      title: `Layer ${layer}`,
      groups: experts.map(({ expert, percentages }) => ({
        label: String(expert),
        bars: [{ segments: percentages.map((value, series) => ({ series, value: value || 0 })) }],
      })),
    })),
  };
}

/** The numbers behind the figure, one row for each segment, first the header. */
export function modalityShareTable({ run, categories, layers }: ModalityShareModel): (string | number)[][] {
  const rows = layers.flatMap(({ layer, experts }) =>
    experts.flatMap(({ expert, counts, percentages }, rank) =>
      categories.map((category, place) => [run, layer, rank, expert, category, counts[place]!, percentages[place]!]),
    ),
  );
  return [["run", "layer", "rank", "expert", "category", "count", "percent_of_expert"], ...rows];
}

export function modalityShareCsv(model: ModalityShareModel): string {
  return toCsv(modalityShareTable(model));
}
