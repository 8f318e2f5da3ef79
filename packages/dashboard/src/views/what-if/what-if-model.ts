// What a capacity limit would drop, and how long ranks would wait for the busiest, over a run.
import type { Axis } from "../../address/address.ts";
import { type LinePoint, type LineSeries, lookOf } from "../../charts/line-series.ts";
import { arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, positionOf } from "../../data/bucket.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import type { LayerLoads } from "../../data/run-loads.ts";
import type { Between } from "./between.ts";
import { dropQuestion, type Question, rankQuestion, together } from "./questions.ts";
import type { WhatIfRun } from "./what-if-run.ts";
import { dropSentences, rankSentences } from "./what-if-sentences.ts";

export interface WhatIfModel {
  series: LineSeries[];
  /** Nothing can be drawn yet. */
  loading: boolean;
  sentence: string;
}

/** @param perLayer one line for each layer instead of one for all of them */
export function dropModel(runs: readonly WhatIfRun[], factor: number, axis: Axis, perLayer: boolean): WhatIfModel {
  return whatIfModel(runs, dropQuestion(factor), axis, perLayer, dropSentences(runs, factor));
}

/** @param ranks of the expert parallelism; a divisor of every run's experts */
export function rankModel(runs: readonly WhatIfRun[], ranks: number, axis: Axis, perLayer: boolean): WhatIfModel {
  return whatIfModel(runs, rankQuestion(ranks), axis, perLayer, rankSentences(runs, ranks));
}

function whatIfModel(
  runs: readonly WhatIfRun[],
  question: Question,
  axis: Axis,
  perLayer: boolean,
  said: string,
): WhatIfModel {
  const series = runs.flatMap((run) => seriesOf(run, question, axis, perLayer));
  const arrival = arrivalOf(runs.map(({ status }) => status));
  const empty = sentenceWithout(arrival, "No counts for this split yet.");
  const sentence = arrival === "loading" ? LOADING : said || empty;
  return { series, loading: arrival === "loading" && series.every(({ points }) => points.length === 0), sentence };
}

function seriesOf({ chosen, loads }: WhatIfRun, question: Question, axis: Axis, perLayer: boolean): LineSeries[] {
  if (loads === undefined) return [];
  const line = (read: (row: readonly (LayerLoads | undefined)[]) => Between | undefined): LinePoint[] =>
    loads.loads.flatMap((row, place): LinePoint[] => {
      const between = read(row);
      return between === undefined ? [] : [pointOf(loads.places[place]!, axis, chosen, between)];
    });
  if (!perLayer) return [{ ...lookOf(chosen), lead: [], points: line((row) => together(row, question)) }];
  return loads.layers.map((layer, depth) => ({
    ...lookOf(chosen, layer),
    lead: [],
    opacity: 0.35 + (0.65 * (depth + 1)) / loads.layers.length,
    points: line((row) => row[depth] && question(row[depth])),
  }));
}

function pointOf(place: Bucket, axis: Axis, { run }: ChosenRun, { least, most }: Between): LinePoint {
  const { firstStep = 0, lastStep = 0, steps = 1, attempt = 0 } = place;
  const x = positionOf(place, axis, run.startedAt ?? 0);
  return { x, firstStep, lastStep, steps, attempt, y: least, low: least, high: most };
}

/** What a point is, where it is more than one step. */
export function boundNote(runs: readonly WhatIfRun[]): string {
  const width = Math.max(1, ...runs.map(({ loads }) => loads?.width ?? 1));
  if (width === 1) return "";
  return `1 point = ${width} steps: the line is the least it can be, since sums even out, the band the most; zoom in for single steps`;
}
