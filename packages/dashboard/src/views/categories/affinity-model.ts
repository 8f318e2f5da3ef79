// Which experts specialise: how strongly each one draws each category, and which experts a category has to itself.
import { categoryShares, deadExperts, relativeLoadByCategory, sumHistograms } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { addedUp, countsByCategory, loadsOf, type RunSteps } from "../../figures/run-steps.ts";
import { formatPercent, formatRatio } from "../../format/number.ts";
import { joinWords, plural } from "../../format/sentence.ts";

/** A run of the window, with the name that it has on screen. */
export interface LabelledSteps extends RunSteps {
  label: string;
}

/** An expert of a layer and a category. */
export interface Affinity {
  run: string;
  label: string;
  layer: number;
  expert: number;
  category: string;
  /** R = c_e^D / (K·T_D / E): 1 by chance, E/K the most possible. */
  relative: number;
  /** Share of the expert's tokens, 0..1, categories rescaled to weigh the same; NaN for an expert without tokens. */
  share: number;
  /** Assignments c_e^D. */
  count: number;
}

/** @returns every expert of every layer with every category that has tokens */
export function affinities(sources: readonly LabelledSteps[]): Affinity[] {
  const rows: Affinity[] = [];
  for (const source of sources) {
    const bucket = addedUp(source.history);
    for (const layer of source.run.moeLayers ?? []) addAffinities(rows, source, bucket, layer);
  }
  return rows;
}

/** In loops: large models have tens of thousands of rows. */
function addAffinities(
  rows: Affinity[],
  { run, label }: LabelledSteps,
  bucket: v1.StepBucket.$Properties | undefined,
  layer: number,
): void {
  const { id = "", categories = [], topK = 1 } = run;
  const counts = countsByCategory(run, bucket, layer);
  const loads = loadsOf(bucket, layer);
  const tokens = counts.map((_, index) => loads.find(({ category = 0 }) => category === index)?.tokens ?? 0);
  const relative = relativeLoadByCategory(counts, tokens, topK);
  const shares = categoryShares(counts);
  for (const [index, category] of categories.entries()) {
    if (tokens[index] === 0) continue;
    for (let expert = 0; expert < counts[index]!.length; expert++) {
      const [count, share] = [counts[index]![expert]!, shares[index]![expert]!];
      rows.push({ run: id, label, layer, expert, category, relative: relative[index]![expert]!, share, count });
    }
  }
}

/** The strongest of each run in a sentence. @param from the rows of `affinities` */
export function affinitySentence(rows: readonly Affinity[]): string {
  const strongest = new Map<string, Affinity>();
  for (const row of rows) if (row.relative > (strongest.get(row.run)?.relative ?? 0)) strongest.set(row.run, row);
  if (strongest.size === 0) return "No tokens in these steps.";
  const parts = [...strongest.values()].map(
    ({ label, layer, expert, category, relative, share }) =>
      `in ${label} expert ${expert} of layer ${layer} gets ${formatRatio(relative)} × its share of ${category}, ${formatPercent(share)} of what it gets`,
  );
  return `The strongest: ${joinWords(parts)}. Shares count categories as if they were of one size.`;
}

/** Rows for a CSV file. */
export function affinityTable(rows: readonly Affinity[]): (string | number)[][] {
  return [
    ["run", "layer", "expert", "category", "count", "relative_load", "share_of_expert"],
    ...rows.map(({ run, layer, expert, category, count, relative, share }) => {
      return [run, layer, expert, category, count, relative, share];
    }),
  ];
}

/**
 * An expert belongs to a category from this share of its tokens on (categories rescaled to weigh the same): half-way from an even share,
 * 1/C, to all of them. With two categories 75 %, with three 67 %. A choice: above a half, so that an expert has one owner at most.
 */
export function ownedFrom(categories: number): number {
  return (1 + 1 / categories) / 2;
}

/** What the categories of a run have to themselves. */
export interface Ownership {
  run: string;
  label: string;
  categories: string[];
  /** Share from which an expert is owned; NaN where a run has one category, which tells nothing. */
  from: number;
  layers: OwnedExperts[];
}

export interface OwnedExperts {
  layer: number;
  /** Experts that each category owns, ascending. */
  owned: number[][];
  /** Experts that no category owns, dead ones not counted. */
  shared: number;
  dead: number;
}

export function ownership({ run, label, history }: LabelledSteps): Ownership {
  const bucket = addedUp(history);
  const categories = [...(run.categories ?? [])];
  const from = categories.length > 1 ? ownedFrom(categories.length) : Number.NaN;
  const layers = (run.moeLayers ?? []).map((layer) => ({
    layer,
    ...ownedExperts(countsByCategory(run, bucket, layer), from),
  }));
  return { run: run.id ?? "", label, categories, from, layers };
}

/** The few tokens of a dead expert say nothing about it. */
function ownedExperts(counts: readonly number[][], from: number): Omit<OwnedExperts, "layer"> {
  const shares = categoryShares(counts);
  const total = sumHistograms(counts);
  const dead = deadExperts(total);
  const alive = [...total.keys()].filter((expert) => !dead.includes(expert) && total[expert]! > 0);
  const owned = shares.map((row) => alive.filter((expert) => row[expert]! >= from));
  return { owned, shared: alive.length - sum(owned.map(({ length }) => length)), dead: dead.length };
}

/** How many experts of each run have an owner, in a sentence. */
export function ownershipSentence(runs: readonly Ownership[]): string {
  const told = runs.filter(({ from }) => !Number.isNaN(from));
  if (told.length === 0) return "A run whose tokens are all of one category has nothing to share out.";
  const parts = told.map(({ label, categories, from, layers }) => {
    const of = categories.map((_, place) => sum(layers.map(({ owned }) => owned[place]!.length)));
    const all = sum(of) + sum(layers.map(({ shared, dead }) => shared + dead));
    const named = categories.map((name, place) => `${of[place]} ${name}`).join(", ");
    return `${sum(of)} of ${plural(all, "expert")} in ${label} (${named}; from ${formatPercent(from)} of its tokens)`;
  });
  return `One category owns ${joinWords(parts)}.`;
}

/** Rows for a CSV file. */
export function ownershipTable(runs: readonly Ownership[]): (string | number)[][] {
  const rows = runs.flatMap(({ run, categories, layers }) =>
    layers.flatMap(({ layer, owned }) =>
      categories.map((category, place) => [run, layer, category, owned[place]!.join(" ")]),
    ),
  );
  return [["run", "layer", "category", "experts"], ...rows];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
