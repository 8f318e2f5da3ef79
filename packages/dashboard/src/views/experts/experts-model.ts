// Load of every expert of one layer over the steps of a run.
import { deadExperts, gateMassShare, quantiles } from "@moescope/metrics";
import type { Axis } from "../../address/address.ts";
import type { PausedLine } from "../../charts/pauses.ts";
import { smoothed } from "../../charts/smoothing.ts";
import { type Arrival, arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, layerOf, loadOf, positionOf } from "../../data/bucket.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { formatPercent, formatRatio, formatValue, formatWhole } from "../../format/number.ts";
import { joinWords, stepRange } from "../../format/sentence.ts";

/** Up to this many experts are drawn as lines; above, as bands of quantiles with the chosen ones on top. */
export const MOST_LINES = 64;

const NO_COUNTS = "No counts for this split yet.";

export interface ExpertsModel {
  run: ChosenRun;
  layer: number;
  experts: number;
  /** Whether its history is here; while it is on its way the arrays are empty. */
  status: Arrival;
  /** Steps in a bucket, and the buckets' place on the x axis. */
  width: number;
  x: Float64Array;
  firstSteps: number[];
  lastSteps: number[];
  /** What smoothing needs to know of each bucket. */
  places: { steps: number; attempt: number }[];
  /** The same of the buckets before the first one shown: a smoothed line remembers them. */
  lead: ExpertsModel | undefined;
  /** Share of the layer's assignments [bucket × expert], 0..1; NaN where a bucket has none. */
  share: Float64Array;
  /** Smallest and largest share in any one step of the bucket [bucket × expert]. */
  low: Float64Array;
  high: Float64Array;
  /** n_e / mean(n) [bucket × expert]. */
  relative: Float64Array;
  /** Σ n_e over the bucket [bucket × expert]. */
  counts: Float64Array;
  /** Σ of the gate weights of the bucket, and its share of the layer's [bucket × expert]; NaN where they are not known. */
  gateMass: Float64Array;
  gateShare: Float64Array;
  /** Selection bias at the last step of the bucket [bucket × expert]; NaN where the run has none. */
  bias: Float64Array;
}

/** Fields that hold shares of something, 0..1. */
export type Shares = "share" | "gateShare";

/** Nothing can be drawn yet. */
export function isLoading({ status, x }: ExpertsModel): boolean {
  return status === "loading" && x.length === 0;
}

/** What stands out at the step cursor. */
export interface ExpertMarks {
  /** Bucket at the cursor; −1 when there is none. */
  row: number;
  /** Experts drawn on top with a label: the followed one, and the busiest and the idlest at the cursor. */
  marked: { expert: number; role: "busiest" | "idlest" | "followed" }[];
  sentence: string;
}

/** Buckets without the counts of `layer` are left out. */
export function expertsModel(history: RunHistory, layer: number, axis: Axis): ExpertsModel {
  const { chosen, buckets, lead, width, status } = history;
  const experts = chosen.run.experts ?? 0;
  const kept = buckets.filter((bucket) => (loadOf(layerOf(bucket, layer))?.total ?? 0) > 0);
  const matrix = () => new Float64Array(kept.length * experts).fill(Number.NaN);
  const model: ExpertsModel = {
    run: chosen,
    layer,
    experts,
    status,
    width,
    x: Float64Array.from(kept, (bucket) => positionOf(bucket, axis, chosen.run.startedAt ?? 0)),
    firstSteps: kept.map((bucket) => bucket.firstStep ?? 0),
    lastSteps: kept.map((bucket) => bucket.lastStep ?? 0),
    places: kept.map(({ steps = 1, attempt = 0 }) => ({ steps, attempt })),
    lead: lead.length === 0 ? undefined : expertsModel({ ...history, buckets: lead, lead: [] }, layer, axis),
    share: matrix(),
    low: matrix(),
    high: matrix(),
    relative: matrix(),
    counts: matrix(),
    gateMass: matrix(),
    gateShare: matrix(),
    bias: matrix(),
  };
  for (const [row, bucket] of kept.entries()) fillRow(model, bucket, row);
  return model;
}

function fillRow(model: ExpertsModel, bucket: Bucket, row: number): void {
  const layer = layerOf(bucket, model.layer)!;
  const { counts, relative, total } = loadOf(layer)!;
  const gateMass = layer.gateMass ?? [];
  const gateShare = gateMassShare(gateMass);
  const perStep = total / Math.max(1, bucket.steps ?? 1);
  for (let expert = 0; expert < model.experts; expert++) {
    const cell = row * model.experts + expert;
    model.counts[cell] = counts[expert] ?? Number.NaN;
    model.relative[cell] = relative[expert] ?? Number.NaN;
    model.share[cell] = model.counts[cell]! / total;
    model.low[cell] = (layer.countsMin?.[expert] ?? counts[expert]!) / perStep;
    model.high[cell] = (layer.countsMax?.[expert] ?? counts[expert]!) / perStep;
    model.gateMass[cell] = gateMass[expert] ?? Number.NaN;
    model.gateShare[cell] = gateShare[expert] ?? Number.NaN;
    model.bias[cell] = layer.selectionBias?.[expert] ?? Number.NaN;
  }
}

/**
 * @param step the step cursor
 * @param followed expert to mark besides the extremes
 */
export function markExperts(model: ExpertsModel, step: number, followed: number | undefined): ExpertMarks {
  const row = model.firstSteps.findLastIndex((first) => first <= step);
  const marked = markedExperts(model, row, followed);
  return { row, marked, sentence: sentenceOf(model, row, marked) };
}

function markedExperts(model: ExpertsModel, row: number, followed: number | undefined): ExpertMarks["marked"] {
  const marked: ExpertMarks["marked"] = [];
  if (followed !== undefined && followed < model.experts) marked.push({ expert: followed, role: "followed" });
  if (row < 0) return marked;
  const loads = relativeAt(model, row);
  const busiest = loads.indexOf(Math.max(...loads));
  const idlest = loads.indexOf(Math.min(...loads));
  if (busiest !== followed) marked.push({ expert: busiest, role: "busiest" });
  if (idlest !== followed && idlest !== busiest) marked.push({ expert: idlest, role: "idlest" });
  return marked;
}

function relativeAt({ relative, experts }: ExpertsModel, row: number): Float64Array {
  return relative.subarray(row * experts, (row + 1) * experts);
}

function sentenceOf(model: ExpertsModel, row: number, marked: ExpertMarks["marked"]): string {
  const { layer, experts, relative, share, firstSteps, lastSteps, status } = model;
  if (row < 0 && firstSteps.length > 0) return `The step cursor is before step ${firstSteps[0]}, the first one shown.`;
  if (row < 0) return sentenceWithout(status, `No counts of layer ${layer} for this split yet.`);
  const parts = marked.map(({ expert, role }) => {
    const cell = row * experts + expert;
    const amount = `${formatRatio(relative[cell]!)} × its share (${formatPercent(share[cell]!)})`;
    return role === "followed" ? `expert ${expert} gets ${amount}` : `the ${role} is expert ${expert} with ${amount}`;
  });
  return `At ${stepRange(firstSteps[row]!, lastSteps[row]!)} ${joinWords(parts)}.`;
}

/**
 * Values that enclose none, half and all of the experts, and the middle, for each bucket: p0, p25, p50, p75, p100.
 *
 * @param values [bucket × expert]
 */
export function expertQuantiles(values: Float64Array, experts: number): Float64Array[] {
  const levels = [0, 0.25, 0.5, 0.75, 1];
  const buckets = values.length / experts;
  const lines = levels.map(() => new Float64Array(buckets));
  for (let row = 0; row < buckets; row++) {
    const ofBucket = values.subarray(row * experts, (row + 1) * experts);
    quantiles(ofBucket, levels).forEach((value, line) => {
      lines[line]![row] = value;
    });
  }
  return lines;
}

/** The smallest magnitude above zero; infinite where there is none. */
export function smallestSize(values: Float64Array): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of values) if (value !== 0 && Math.abs(value) < smallest) smallest = Math.abs(value);
  return smallest;
}

/** Shares as smoothed lines, each expert's on its own, looking back on `span` steps [bucket × expert]; as they are for a span of 0. */
export function smoothedShares(model: ExpertsModel, span: number, of: Shares = "share"): Float64Array {
  const { experts, places, lead, [of]: share } = model;
  if (span <= 1) return share;
  const values = new Float64Array(share.length);
  const before = lead?.places.length ?? 0;
  for (let expert = 0; expert < experts; expert++) {
    const point = (of: Float64Array) => (place: ExpertsModel["places"][number], row: number) => ({
      ...place,
      y: of[row * experts + expert]!,
    });
    const points = [...(lead?.places.map(point(lead[of])) ?? []), ...places.map(point(share))];
    smoothed(points, span).forEach((value, row) => {
      if (row >= before) values[(row - before) * experts + expert] = value;
    });
  }
  return values;
}

/** Rows of the data behind the view, for a CSV file. */
export function expertsTable(models: readonly ExpertsModel[]): (string | number)[][] {
  const rows: (string | number)[][] = [
    [
      ...["run", "layer", "first_step", "last_step", "expert", "count", "share", "share_low", "share_high"],
      ...["relative_load", "gate_mass", "gate_mass_share", "selection_bias"],
    ],
  ];
  for (const model of models) {
    const { run, layer, experts, x, firstSteps, lastSteps, counts, share, low, high, relative } = model;
    for (let row = 0; row < x.length; row++) {
      for (let expert = 0; expert < experts; expert++) {
        const cell = row * experts + expert;
        const place = [run.id, layer, firstSteps[row]!, lastSteps[row]!, expert];
        const load = [counts[cell]!, share[cell]!, low[cell]!, high[cell]!, relative[cell]!];
        const others = [model.gateMass[cell]!, model.gateShare[cell]!, model.bias[cell]!];
        rows.push([...place, ...load, ...others.map((value) => (Number.isNaN(value) ? "" : value))]);
      }
    }
  }
  return rows;
}

/** What has to be known of the run to find its pauses. */
export function pausedLine({ run, x, places }: ExpertsModel): PausedLine {
  const points = places.map(({ attempt }, row) => ({ x: x[row]!, attempt }));
  return { run: run.id, colour: `var(--run-${run.colour})`, points };
}

/** The dead experts of each bucket. */
export function deadIn({ counts, experts, x }: ExpertsModel): number[][] {
  return Array.from(x, (_, row) => deadExperts(counts.subarray(row * experts, (row + 1) * experts)));
}

/** Which experts of a layer were ever dead, run by run. */
export function deathSentence(models: readonly ExpertsModel[]): string {
  const arrival = arrivalOf(models.map(({ status }) => status));
  if (arrival === "loading") return LOADING;
  if (models.every(({ x }) => x.length === 0)) return sentenceWithout(arrival, NO_COUNTS);
  const parts = models.flatMap((model) => {
    const dead = new Set(deadIn(model).flat());
    if (dead.size === 0) return [];
    const named = joinWords([...dead].sort((a, b) => a - b).map(String));
    return [
      `${dead.size <= 6 ? `expert${dead.size === 1 ? "" : "s"} ${named}` : `${dead.size} experts`} in ${model.run.label}`,
    ];
  });
  const layer = models[0]?.layer ?? 0;
  if (parts.length === 0) return `No expert of layer ${layer} was dead at any point. A click follows an expert.`;
  return `Dead at some point in layer ${layer}: ${parts.join("; ")}. A click follows an expert.`;
}

/** One expert in one bucket, in words. */
export interface ExpertReading {
  steps: string;
  share: string;
  relative: string;
  count: string;
  /** Share of gate mass; undefined where it is not known. */
  gates: string | undefined;
  /** Undefined where the run has none. */
  bias: string | undefined;
  /** All of it in a sentence. */
  text: string;
}

export function expertReading(
  { experts, firstSteps, lastSteps, share, relative, counts, gateShare, bias }: ExpertsModel,
  bucket: number,
  expert: number,
): ExpertReading {
  const cell = bucket * experts + expert;
  const steps = stepRange(firstSteps[bucket]!, lastSteps[bucket]!);
  const reading = {
    steps,
    share: formatPercent(share[cell]!),
    relative: formatRatio(relative[cell]!),
    count: formatWhole(counts[cell]!),
    gates: Number.isNaN(gateShare[cell]!) ? undefined : formatPercent(gateShare[cell]!),
    bias: Number.isNaN(bias[cell]!) ? undefined : formatValue(bias[cell]!),
  };
  const load = `Expert ${expert}, ${steps}: ${reading.share} of the assignments, ${reading.relative} × its share`;
  const gates = reading.gates === undefined ? "" : `, ${reading.gates} of the gate mass`;
  return {
    ...reading,
    text: `${load}${gates}${reading.bias === undefined ? "" : `, selection bias ${reading.bias}`}.`,
  };
}

/** One x domain for the charts of several runs. */
export function sharedXDomain(models: readonly ExpertsModel[], axis: Axis): [number, number] {
  const ends = models.flatMap(({ x, firstSteps }) =>
    x.length === 0 ? [] : [axis === "step" ? firstSteps[0]! : x[0]!, x.at(-1)!],
  );
  if (ends.length === 0) return [0, 1];
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  return last > first ? [first, last] : [Math.max(0, first - 1), first + 1];
}

/** One y domain for the charts of all runs with as many experts: their shares, of each kind named, can be compared. */
export function sharedYDomain(
  models: readonly ExpertsModel[],
  experts: number,
  of: readonly Shares[] = ["share"],
): [number, number] {
  let highest = 2 / Math.max(2, experts);
  for (const shares of sharesOf(models, experts, of)) {
    for (const value of shares) if (value > highest) highest = value;
  }
  return [0, Math.min(1, highest * 1.06)];
}

/** The same for a logarithmic axis: from the smallest share on, or from zero where an expert had none; and that share. */
export function sharedLogDomain(
  models: readonly ExpertsModel[],
  experts: number,
  of: readonly Shares[] = ["share"],
): [domain: [number, number], least: number] {
  const shares = sharesOf(models, experts, of);
  const least = Math.min(...shares.map(smallestSize));
  const [zero, highest] = sharedYDomain(models, experts, of);
  const low = shares.some((share) => share.includes(0)) || !Number.isFinite(least) ? zero : least;
  return [[low, highest], least];
}

function sharesOf(models: readonly ExpertsModel[], experts: number, of: readonly Shares[]): Float64Array[] {
  const comparable = models.filter((model) => model.experts === experts);
  return comparable.flatMap((model) => of.map((field) => model[field]));
}

/** How far apart the experts of a layer are at the cursor, run by run. */
export function spreadSentence(panes: readonly { model: ExpertsModel; marks: ExpertMarks }[]): string {
  const arrival = arrivalOf(panes.map(({ model }) => model.status));
  if (arrival === "loading") return LOADING;
  const parts = panes.flatMap(({ model, marks }) => {
    if (marks.row < 0) return [];
    const loads = relativeAt(model, marks.row);
    return [
      `${formatRatio(Math.min(...loads))} and ${formatRatio(Math.max(...loads))} × the fair share in ${model.run.label}`,
    ];
  });
  if (parts.length === 0) return sentenceWithout(arrival, NO_COUNTS);
  return `In layer ${panes[0]!.model.layer} an expert gets between ${joinWords(parts)}.`;
}
