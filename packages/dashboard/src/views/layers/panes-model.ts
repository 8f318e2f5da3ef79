// What the panes of layers × experts show: one step or many, in shares or in numbers, or the difference of two.
import type { Cells } from "../../address/address.ts";
import { type Arrival, arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import { formatRatio } from "../../format/number.ts";
import { stepRange } from "../../format/sentence.ts";
import type { LayersModel } from "./layers-model.ts";

/** A heat map of layers × experts. */
export interface LayersPane {
  run: ChosenRun;
  status: Arrival;
  /** Which steps, and in a difference less which. */
  detail: string | undefined;
  sentence: string;
  layers: readonly number[];
  experts: number;
  /** [layer × expert]; NaN where there is nothing to say. */
  values: Float64Array;
  dead: readonly number[];
  /** What it is made of: the model, and the one subtracted from it. */
  of: LayersModel;
  less: LayersModel | undefined;
}

export type PaneScale =
  | { kind: "relative" }
  /** Assignments from 0 to the most. */
  | { kind: "absolute"; most: number }
  /** Differences between −limit and limit, in fair shares. */
  | { kind: "difference"; limit: number };

/** A smaller end of the scale would paint noise in strong colours. */
const LEAST_LIMIT = 0.1;

/**
 * @param models one for each run, in order
 * @param earlier the same runs at the step that is subtracted; for differences of steps alone
 */
export function layersPanes(
  cells: Cells,
  models: readonly LayersModel[],
  earlier: readonly LayersModel[],
): { panes: LayersPane[]; scale: PaneScale; sentence: string | undefined } {
  if (cells === "runs" || cells === "steps") {
    const pairs = cells === "steps" ? models.map((of, place) => [of, earlier[place]!] as const) : againstFirst(models);
    const panes = pairs.map(([of, less]) => differencePane(of, less, cells));
    const limit = Math.max(LEAST_LIMIT, ...panes.map(({ values }) => largest(values)));
    return { panes, scale: { kind: "difference", limit }, sentence: differencesSentence(panes, cells) };
  }
  const panes = models.map((of) => plainPane(of, cells === "absolute" ? of.counts : of.relative));
  if (cells === "relative") return { panes, scale: { kind: "relative" }, sentence: undefined };
  const most = Math.max(1, ...panes.map(({ values }) => largest(values)));
  return { panes, scale: { kind: "absolute", most }, sentence: undefined };
}

function againstFirst([first, ...others]: readonly LayersModel[]): (readonly [LayersModel, LayersModel])[] {
  return others.map((other) => [other, first!] as const);
}

function plainPane(of: LayersModel, values: Float64Array): LayersPane {
  const { run, status, layers, experts, dead, sentence } = of;
  return { run, status, detail: stepsOf(of), sentence, layers, experts, values, dead, of, less: undefined };
}

function stepsOf({ firstStep, lastStep, bucket, status }: LayersModel): string | undefined {
  if (bucket !== undefined) return stepRange(firstStep, lastStep);
  return status === "ready" ? "no step yet" : undefined;
}

function differencePane(of: LayersModel, less: LayersModel, cells: Cells): LayersPane {
  const { run, layers, experts } = of;
  const values = of.relative.map((value, cell) => {
    // A model of another size has no such expert; its layers may be others.
    const row = less.layers.indexOf(layers[Math.floor(cell / experts)]!);
    return row < 0 || less.experts !== experts ? Number.NaN : value - less.relative[row * experts + (cell % experts)]!;
  });
  const status = arrivalOf([of.status, less.status]);
  const subtracted = cells === "runs" ? `${less.run.label}, ${stepsOf(less) ?? ""}` : stepsOf(less);
  const detail = of.bucket && less.bucket ? `${stepsOf(of)} less ${subtracted}` : undefined;
  const pane = { run, status, detail, layers, experts, values, dead: [], of, less };
  return { ...pane, sentence: differenceSentence(pane, cells) };
}

/** Largest magnitude; 0 when all are NaN. */
function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}

function differenceSentence(pane: Omit<LayersPane, "sentence">, cells: Cells): string {
  const { values, status, layers, experts, of, less } = pane;
  if (status === "loading") return LOADING;
  if (less!.experts !== experts) {
    const sizes = `${of.run.label} has ${experts} experts a layer and ${less!.run.label} ${less!.experts}`;
    return `${sizes}: there is no difference to show.`;
  }
  const most = largest(values);
  const cell = values.findIndex((value) => Math.abs(value) === most);
  if (cell < 0) return sentenceWithout(status, "No layer has reported in both.");
  const value = values[cell]!;
  const where = `layer ${layers[Math.floor(cell / experts)]}, expert ${cell % experts}`;
  const amount = `${formatRatio(Math.abs(value))} × its share ${value < 0 ? "less" : "more"}`;
  const than =
    cells === "runs"
      ? `in ${of.run.label} than in ${less!.run.label}`
      : `at ${stepsOf(of)} than at ${stepsOf(less!)} in ${of.run.label}`;
  return `The largest difference is at ${where}: it gets ${amount} ${than}.`;
}

/** Of all panes together. @returns undefined where the panes' own sentence says it all */
function differencesSentence(panes: readonly LayersPane[], cells: Cells): string {
  if (panes.length === 0) return "A difference of runs needs two of them: tick another run in the list.";
  if (arrivalOf(panes.map(({ status }) => status)) === "loading") return LOADING;
  const [first] = panes.toSorted((a, b) => largest(b.values) - largest(a.values));
  return panes.length === 1 || cells === "steps"
    ? first!.sentence
    : `${first!.sentence} Every run is compared with the first.`;
}

/** Rows of the differences, for a CSV file. */
export function panesTable(panes: readonly LayersPane[]): (string | number)[][] {
  const header = ["run", "first_step", "last_step", "less_run", "less_first_step", "less_last_step", "layer", "expert"];
  const rows = panes.flatMap(({ of, less, layers, experts, values }) =>
    Array.from(values, (value, cell) => {
      const steps = [of.run.id, of.firstStep, of.lastStep, less!.run.id, less!.firstStep, less!.lastStep];
      return [...steps, layers[Math.floor(cell / experts)]!, cell % experts, value];
    }),
  );
  return [[...header, "difference_in_relative_load"], ...rows];
}
