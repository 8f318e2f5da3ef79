// Layers × experts at one step: relative load of every cell, and the cell that is worst.
import { busiestExpert, deadExperts, maxViolation } from "@moescope/metrics";
import { type Arrival, arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, type Layer, loadOf } from "../../data/bucket.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import { formatPercent, formatRatio, formatWhole } from "../../format/number.ts";
import { plural, stepRange } from "../../format/sentence.ts";

const NOTHING = "No MoE layer has reported at this step.";

export interface LayersModel {
  run: ChosenRun;
  /** Whether its step is here; while it is on its way all cells are NaN. */
  status: Arrival;
  /** With the counts of all layers; undefined while there is none. */
  bucket: Bucket | undefined;
  firstStep: number;
  lastStep: number;
  /** Rows of the map: indices of the MoE layers. */
  layers: number[];
  experts: number;
  /** n_e / mean(n) [layer × expert]; NaN where the layer did not report. */
  relative: Float64Array;
  /** n_e [layer × expert]. */
  counts: Float64Array;
  /** Cells of dead experts, row-major indices. */
  dead: number[];
  worst: { layer: number; expert: number } | undefined;
  sentence: string;
}

/**
 * @param bucket with the counts of all layers; undefined while there is none
 * @param status whether there is none because it did not come yet
 */
export function layersModel(chosen: ChosenRun, bucket: Bucket | undefined, status: Arrival): LayersModel {
  const layers = chosen.run.moeLayers ?? [];
  const experts = chosen.run.experts ?? 0;
  const relative = new Float64Array(layers.length * experts).fill(Number.NaN);
  const counts = new Float64Array(layers.length * experts).fill(Number.NaN);
  const dead: number[] = [];
  layers.forEach((layer, row) => {
    const load = loadOf(summaryOf(bucket, layer));
    if (load === undefined || load.total === 0) return;
    relative.set(load.relative, row * experts);
    counts.set(load.counts, row * experts);
    dead.push(...deadExperts(load.counts).map((expert) => row * experts + expert));
  });
  const worst = worstCell(bucket);
  const place = { firstStep: bucket?.firstStep ?? 0, lastStep: bucket?.lastStep ?? 0 };
  const empty = sentenceWithout(status, NOTHING);
  const sentence = sentenceOf(chosen, bucket, worst, dead.length) ?? empty;
  return { run: chosen, status, bucket, ...place, layers, experts, relative, counts, dead, worst, sentence };
}

function summaryOf(bucket: Bucket | undefined, layer: number): Layer | undefined {
  return bucket?.layers?.find((summary) => (summary.layer ?? 0) === layer);
}

function worstCell(bucket: Bucket | undefined): LayersModel["worst"] {
  let worst: LayersModel["worst"];
  let highest = -Infinity;
  for (const summary of bucket?.layers ?? []) {
    const counts = loadOf(summary)?.counts;
    if (counts === undefined || !(maxViolation(counts) > highest)) continue;
    highest = maxViolation(counts);
    worst = { layer: summary.layer ?? 0, expert: busiestExpert(counts) };
  }
  return worst;
}

/** What one cell holds, in words: what hovering it says and what a screen reader reads. */
export interface CellReading {
  layer: number;
  expert: number;
  count: string;
  relative: string;
  bias: string | undefined;
  dead: boolean;
  /** Share of the expert's assignments that came from each category, largest first. */
  categories: { name: string; share: number }[];
}

/** @returns undefined where the layer has no counts in the bucket */
export function readCell(
  chosen: ChosenRun,
  bucket: Bucket | undefined,
  layer: number,
  expert: number,
): CellReading | undefined {
  const summary = summaryOf(bucket, layer);
  const load = loadOf(summary);
  if (summary === undefined || load === undefined || expert >= load.counts.length) return undefined;
  const bias = summary.selectionBias?.[expert];
  return {
    layer,
    expert,
    count: formatWhole(load.counts[expert]!),
    relative: formatRatio(load.relative[expert]!),
    bias: bias === undefined ? undefined : formatRatio(bias),
    dead: deadExperts(load.counts).includes(expert),
    categories: categoryShares(chosen, summary, expert, load.counts[expert]!),
  };
}

/** @param total the expert's load, over all categories */
function categoryShares(
  { run }: ChosenRun,
  { categories = [] }: Layer,
  expert: number,
  total: number,
): CellReading["categories"] {
  return categories
    .map(({ category = 0, counts }) => ({
      name: run.categories?.[category] ?? `category ${category}`,
      share: total === 0 ? 0 : (counts?.[expert] ?? 0) / total,
    }))
    .sort((a, b) => b.share - a.share);
}

/** @returns a reading as one sentence */
export function readingSentence(reading: CellReading): string {
  const { layer, expert, count, relative, categories, dead } = reading;
  const mix = categories.map(({ name, share }) => `${formatPercent(share)} ${name}`).join(", ");
  return `Layer ${layer}, expert ${expert}: ${count} assignments, ${relative} × its share${dead ? ", dead" : ""}; ${mix}.`;
}

function sentenceOf(
  chosen: ChosenRun,
  bucket: Bucket | undefined,
  worst: LayersModel["worst"],
  dead: number,
): string | undefined {
  if (bucket === undefined || worst === undefined) return undefined;
  const reading = readCell(chosen, bucket, worst.layer, worst.expert)!;
  const mostly =
    reading.categories.length > 1
      ? `, ${formatPercent(reading.categories[0]!.share)} of it ${reading.categories[0]!.name}`
      : "";
  const deaths = dead === 0 ? "No expert is dead." : `${plural(dead, "expert")} dead.`;
  const where = `At ${stepRange(bucket.firstStep ?? 0, bucket.lastStep ?? 0)} layer ${worst.layer} is the worst`;
  return `${where}: expert ${worst.expert} gets ${reading.relative} × its share${mostly}. ${deaths}`;
}

/** Of several runs, the one that is furthest from balance; of one, its own sentence. */
export function layersSentence(models: readonly LayersModel[]): string {
  const arrival = arrivalOf(models.map(({ status }) => status));
  if (arrival === "loading") return LOADING;
  if (models.length === 1) return models[0]!.sentence;
  const peaks = models.map((model) => ({ model, peak: peakOf(model.relative) })).filter(({ peak }) => peak > 0);
  if (peaks.length === 0) return sentenceWithout(arrival, NOTHING);
  const { model, peak } = peaks.reduce((a, b) => (b.peak > a.peak ? b : a));
  const deaths = models.reduce((sum, { dead }) => sum + dead.length, 0);
  const worst = `${model.run.label} is furthest from balance, with an expert at ${formatRatio(peak)} × its share`;
  return `${worst}; ${deaths === 0 ? "no expert is dead" : `${plural(deaths, "expert")} dead`}. A click follows an expert.`;
}

/** NaN, where a layer did not report, is passed over. */
function peakOf(values: Float64Array): number {
  let peak = 0;
  for (const value of values) if (value > peak) peak = value;
  return peak;
}

/** Rows of the data behind the view, for a CSV file. */
export function layersTable(models: readonly LayersModel[]): (string | number)[][] {
  const rows: (string | number)[][] = [["run", "first_step", "last_step", "layer", "expert", "count", "relative_load"]];
  for (const { run, firstStep, lastStep, layers, experts, counts, relative } of models) {
    for (let cell = 0; cell < counts.length; cell++) {
      const layer = layers[Math.floor(cell / experts)]!;
      rows.push([run.id, firstStep, lastStep, layer, cell % experts, counts[cell]!, relative[cell]!]);
    }
  }
  return rows;
}
