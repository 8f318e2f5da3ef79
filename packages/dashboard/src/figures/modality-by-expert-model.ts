// The figure `modality-by-expert` as data: which share of each category's tokens every expert received, layer under layer.
import { expertShares } from "@moescope/metrics";
import type { BarPanelsModel } from "./bar-panels-model.ts";
import { toCsv } from "./csv.ts";
import { niceCeiling } from "./nice-ceiling.ts";
import { addedUp, countsByCategory, type RunSteps, runInWords } from "./run-steps.ts";
import { seriesColours } from "./series-colours.ts";

export interface ModalityByExpertModel {
  run: string;
  categories: string[];
  layers: ModalityLayer[];
  caption: string;
}

export interface ModalityLayer {
  layer: number;
  /** One histogram for each category. */
  counts: number[][];
  /** Percentages: one row for each category, which adds up to 100, or is all NaN when the category had no tokens. */
  percentages: Float64Array[];
}

/** @param layers indices of the MoE layers to show */
export function modalityByExpertModel({ run, history }: RunSteps, layers: readonly number[]): ModalityByExpertModel {
  const bucket = addedUp(history);
  const { experts = 0, topK = 0 } = run;
  return {
    run: run.id ?? "",
    categories: [...(run.categories ?? [])],
    layers: layers.map((layer) => {
      const counts = countsByCategory(run, bucket, layer);
      return { layer, counts, percentages: expertShares(counts).map((row) => row.map((share) => 100 * share)) };
    }),
    caption:
      `How the tokens of each category spread over the experts: percentages of the category's assignments, which add up to 100 in each ` +
      `layer (${experts} experts, ${topK} for each token; dashed: an even spread, ${(100 / Math.max(1, experts)).toFixed(1)} %). ${runInWords(run, bucket)}.`,
  };
}

export function modalityByExpertBars(model: ModalityByExpertModel): BarPanelsModel {
  const { categories, layers, caption } = model;
  const colours = seriesColours(categories);
  const highest = Math.max(0, ...layers.flatMap(({ percentages }) => percentages.map((row) => Math.max(...row) || 0)));
  const experts = layers[0]?.counts[0]?.length ?? 0;
  return {
    title: "Where the tokens of each category go",
    caption,
    series: categories.map((name, place) => ({ name, colour: colours[place]! })),
    values: { title: "% of the category's tokens", max: niceCeiling(highest) },
    groupTitle: "expert",
    reference: "even spread",
    panels: layers.map(({ layer, percentages }) => ({
      title: `Layer ${layer}`,
      groups: Array.from({ length: experts }, (_, expert) => ({
        label: String(expert),
        bars: percentages.map((row, series) => ({
          segments: [{ series, value: row[expert] || 0 }],
          reference: 100 / experts,
        })),
      })),
    })),
  };
}

/** The numbers behind the figure, one row for each bar, first the header. */
export function modalityByExpertTable({ run, categories, layers }: ModalityByExpertModel): (string | number)[][] {
  const rows = layers.flatMap(({ layer, counts, percentages }) =>
    categories.flatMap((category, place) =>
      counts[place]!.map((count, expert) => [run, layer, category, expert, count, percentages[place]![expert]!]),
    ),
  );
  return [["run", "layer", "category", "expert", "count", "percent_of_category"], ...rows];
}

export function modalityByExpertCsv(model: ModalityByExpertModel): string {
  return toCsv(modalityByExpertTable(model));
}
