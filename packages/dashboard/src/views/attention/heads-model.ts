// Every attention head of a probe: its category and its scores, as rows of a table and as cells of a map.
import { type HeadCategory, type HeadScores, headCategory, PATTERN_THRESHOLD } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { HeadScore } from "../../address/address.ts";
import { formatRatio } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

export interface HeadRow extends HeadScores {
  run: string;
  label: string;
  layer: number;
  head: number;
  /** Undefined where a score is not a number. */
  category: HeadCategory | undefined;
}

/** The five scores, as the address and the table name them. */
export const SCORES: readonly { name: HeadScore; title: string; of: keyof HeadScores; meaning: string }[] = [
  {
    name: "previous",
    title: "previous token",
    of: "previousToken",
    meaning: "Share of its attention that goes to the position just before.",
  },
  { name: "first", title: "first token", of: "firstToken", meaning: "Share that goes to the first position: a sink." },
  {
    name: "induction",
    title: "induction",
    of: "induction",
    meaning: "On a random sequence that is repeated: share that goes to what followed the same token before.",
  },
  { name: "local", title: "local", of: "local", meaning: "Share that goes to the last 8 positions, its own included." },
  {
    name: "broad",
    title: "broad",
    of: "broad",
    meaning: "Entropy of the attention, divided by that of even attention: 1 is spread evenly.",
  },
];

export function headRows(id: string, label: string, { heads = [] }: v1.Probe.$Properties): HeadRow[] {
  return heads.map((profile) => {
    const { layer = 0, head = 0, previousToken = 0, firstToken = 0, induction = 0, local = 0, broad = 0 } = profile;
    const scores = { previousToken, firstToken, induction, local, broad };
    return { run: id, label, layer, head, category: headCategory(scores), ...scores };
  });
}

/** One score of all heads of a run: layers × heads. */
export interface HeadMapModel {
  run: string;
  label: string;
  /** Layers of the rows, ascending. */
  layers: number[];
  heads: number;
  /** [layers × heads], row-major; NaN where the probe has no such head. */
  values: Float64Array;
}

/** @param rows heads of one run */
export function headMap(rows: readonly HeadRow[], score: keyof HeadScores): HeadMapModel {
  const layers = [...new Set(rows.map(({ layer }) => layer))].sort((a, b) => a - b);
  const heads = Math.max(0, ...rows.map(({ head }) => head + 1));
  const values = new Float64Array(layers.length * heads).fill(Number.NaN);
  for (const row of rows) values[layers.indexOf(row.layer) * heads + row.head] = row[score];
  return { run: rows[0]?.run ?? "", label: rows[0]?.label ?? "", layers, heads, values };
}

/** The head of each run that has most of a score. */
export function scoreSentence(runs: readonly (readonly HeadRow[])[], score: keyof HeadScores, title: string): string {
  const parts = runs
    .filter((rows) => rows.length > 0)
    .map((rows) => {
      const most = rows.reduce((a, b) => (b[score] > a[score] ? b : a));
      return `head ${most.head} of layer ${most.layer} in ${most.label} (${formatRatio(most[score])})`;
    });
  if (parts.length === 0) return "No heads were probed.";
  return `Most ${title}: ${joinWords(parts)}. From ${PATTERN_THRESHOLD} of its attention a head is named after its strongest pattern.`;
}

/** Rows for a CSV file. */
export function headsTable(rows: readonly HeadRow[]): (string | number)[][] {
  const header = ["run", "layer", "head", "category", "previous_token", "first_token", "induction", "local", "broad"];
  return [
    header,
    ...rows.map(({ run, layer, head, category, previousToken, firstToken, induction, local, broad }) => {
      return [run, layer, head, category ?? "", previousToken, firstToken, induction, local, broad];
    }),
  ];
}
