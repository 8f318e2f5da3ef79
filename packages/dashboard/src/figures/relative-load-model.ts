// The figure `relative-load` as data: how much of each token category every expert got, run above run, layer beside layer.
import { deadExperts, layerLoad, relativeLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { strategyName } from "../format/strategy.ts";
import { toCsv } from "./csv.ts";
import { addedUp, loadsOf, type RunSteps } from "./run-steps.ts";

export interface RelativeLoadModel {
  title: string;
  caption: string;
  /** Ends of the colour scale; higher values are marked as clipped. */
  scale: readonly [number, number];
  layers: { layer: number; panels: RelativeLoadPanel[] }[];
  experts: number;
  categories: string[];
}

/** One heat map: categories × experts of one layer of one run. */
export interface RelativeLoadPanel {
  run: string;
  label: string;
  layer: number;
  firstStep: number;
  lastStep: number;
  rows: RelativeLoadRow[];
  /** Experts that (almost) no token of any category reached. */
  dead: number[];
}

export interface RelativeLoadRow {
  category: string;
  tokens: number;
  /** c_e^D of each expert; empty when the category had no tokens. */
  counts: number[];
  /** R = c_e^D / (K·T_D / E), as far as nothing was dropped the same as c_e^D / mean(c^D); empty as `counts`. */
  relative: number[];
}

/** Colours go from 0 to 10, as in the published figure (arXiv 2412.19437, figure 9). */
const SCALE = [0, 10] as const;

/**
 * @param sources one for each run; runs with an auxiliary loss are put above the others, else the order is kept
 * @param layers indices of the MoE layers to show
 * @throws RangeError when there is no source, or when the runs differ in their number of experts or in their categories
 */
export function relativeLoadModel(sources: readonly RunSteps[], layers: readonly number[]): RelativeLoadModel {
  const ordered = [...sources].sort((a, b) => Number(usesAuxiliaryLoss(b.run)) - Number(usesAuxiliaryLoss(a.run)));
  const first = ordered[0]?.run;
  if (first === undefined) throw new RangeError("the relative-load figure needs at least one run");
  for (const { run } of ordered) refuseDifference(first, run);
  const labels = panelLabels(ordered.map(({ run }) => run));
  const merged = ordered.map(({ history }) => addedUp(history));
  const panels = (layer: number) =>
    ordered.flatMap(({ run }, place) =>
      run.moeLayers?.includes(layer) ? [panelOf(run, labels[place]!, merged[place], layer)] : [],
    );
  return {
    title: "Relative expert load by token category",
    caption: captionOf(
      ordered.map(({ run }) => run),
      labels,
      merged,
    ),
    scale: SCALE,
    layers: layers.map((layer) => ({ layer, panels: panels(layer) })),
    experts: first.experts ?? 0,
    categories: [...(first.categories ?? [])],
  };
}

function usesAuxiliaryLoss({ strategy = "" }: v1.RunDescription.$Properties): boolean {
  return /aux/i.test(strategy) && !/free/i.test(strategy);
}

function refuseDifference(first: v1.RunDescription.$Properties, run: v1.RunDescription.$Properties): void {
  if (run.experts !== first.experts) {
    throw new RangeError(
      `${first.id} has ${first.experts} experts and ${run.id} has ${run.experts}: one figure cannot show both`,
    );
  }
  if (JSON.stringify(run.categories ?? []) !== JSON.stringify(first.categories ?? [])) {
    const [a, b] = [first, run].map(({ id, categories }) => `${id} (${(categories ?? []).join(", ")})`);
    throw new RangeError(`${a} and ${b} have different categories: one figure cannot show both`);
  }
}

/** The strategy, and the id where two runs share one. */
function panelLabels(runs: readonly v1.RunDescription.$Properties[]): string[] {
  const strategies = runs.map(({ strategy }) => strategyName(strategy) || "no strategy");
  const unique = new Set(strategies).size === strategies.length;
  return runs.map(({ id }, place) => (unique ? strategies[place]! : `${strategies[place]} (${id})`));
}

function panelOf(
  run: v1.RunDescription.$Properties,
  label: string,
  bucket: v1.StepBucket.$Properties | undefined,
  layer: number,
): RelativeLoadPanel {
  const loads = loadsOf(bucket, layer);
  const rows = (run.categories ?? []).map((category, index) =>
    rowOf(
      category,
      loads.find((load) => (load.category ?? 0) === index),
    ),
  );
  const dead = deadExperts(layerLoad({ categories: [...loads] }));
  return {
    run: run.id ?? "",
    label,
    layer,
    firstStep: bucket?.firstStep ?? 0,
    lastStep: bucket?.lastStep ?? 0,
    rows,
    dead,
  };
}

function rowOf(category: string, load: v1.CategoryLoad.$Properties | undefined): RelativeLoadRow {
  if (!load?.tokens) return { category, tokens: 0, counts: [], relative: [] };
  const counts = Array.from(load.counts ?? []);
  return { category, tokens: load.tokens, counts, relative: [...relativeLoad(counts)] };
}

function captionOf(
  runs: readonly v1.RunDescription.$Properties[],
  labels: readonly string[],
  merged: readonly (v1.StepBucket.$Properties | undefined)[],
): string {
  const { experts = 0, topK = 0 } = runs[0]!;
  const parts = runs.map((run, place) => {
    const bucket = merged[place];
    const steps = bucket === undefined ? "no steps" : `steps ${bucket.firstStep ?? 0}–${bucket.lastStep ?? 0}`;
    return `${labels[place]} (${run.name || run.id}, seed ${run.seed ?? 0}, ${steps})`;
  });
  return (
    `Load of each expert by tokens of each category, relative to the balanced load K·T/E of that category: 1 is balanced, ` +
    `${formatCeiling(experts / Math.max(1, topK))} the most possible (E\u00a0=\u00a0${experts}, K\u00a0=\u00a0${topK}). From top to bottom in each layer: ` +
    `${parts.join("; ")}. A cross under a column marks an expert that gets less than 1 % of its share over all categories.`
  );
}

function formatCeiling(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** The numbers behind the figure, one row a cell, first the header. */
export function relativeLoadTable({ layers }: RelativeLoadModel): (string | number)[][] {
  const header = [
    "run",
    "label",
    "layer",
    "first_step",
    "last_step",
    "category",
    "tokens",
    "expert",
    "count",
    "relative_load",
  ];
  const rows: (string | number)[][] = [header];
  for (const panel of layers.flatMap(({ panels }) => panels)) {
    for (const { category, tokens, counts, relative } of panel.rows) {
      const place = [panel.run, panel.label, panel.layer, panel.firstStep, panel.lastStep, category, tokens];
      for (const [expert, count] of counts.entries()) rows.push([...place, expert, count, relative[expert]!]);
    }
  }
  return rows;
}

/** The numbers behind the figure as a CSV file. */
export function relativeLoadCsv(model: RelativeLoadModel): string {
  return toCsv(relativeLoadTable(model));
}
