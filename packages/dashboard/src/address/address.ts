// What is on screen, as the parameters of the address: parsed, checked, and written back in one form.

/** In the order of their tabs; `views/registry.ts` says what each one is. */
export const VIEWS = [
  "overview",
  "balance",
  "experts",
  "layers",
  "categories",
  "compare",
  "attention",
  "what-if",
  "alerts",
] as const;
export type ViewName = (typeof VIEWS)[number];
export const SPLITS = ["train", "eval", "probe", "rollout"] as const;
/** Of attention heads. */
export const HEAD_SCORES = ["previous", "first", "induction", "local", "broad"] as const;
export type HeadScore = (typeof HEAD_SCORES)[number];
export const AXES = ["step", "tokens", "time"] as const;
export type Axis = (typeof AXES)[number];
export const LINES = ["mean", "spread", "layers"] as const;
export type Lines = (typeof LINES)[number];
export const COMPARED = ["chosen", "listed"] as const;
/** What cells of layers × experts say: n_e / mean(n), n_e, or the difference of two runs, or of two steps, in n_e / mean(n). */
export const CELLS = ["relative", "absolute", "runs", "steps"] as const;
export type Cells = (typeof CELLS)[number];
/** How the loads of a layer's experts are drawn over steps. */
export const SHAPES = ["lines", "stream"] as const;
export type Shape = (typeof SHAPES)[number];
/** What the numbers of arms are taken at, or of. */
export const NUMBERS = ["cursor", "last", "lowest", "highest"] as const;
export type Numbers = (typeof NUMBERS)[number];
export const THEMES = ["light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** More runs than this at once cannot be told apart. */
export const MOST_RUNS = 6;

export interface Address {
  view: ViewName;
  /** Chosen runs by id; `newest` lets the dashboard choose. */
  runs: "newest" | readonly string[];
  split: (typeof SPLITS)[number];
  x: Axis;
  /** Steps that the charts are zoomed to, both included; undefined: the whole run. */
  range: readonly [from: number, to: number] | undefined;
  /** Line charts on a logarithmic y axis. */
  log: boolean;
  /** Steps that a smoothed line looks back on; 0: not smoothed. */
  smooth: number;
  /** The step cursor: a step, or the newest one. */
  step: "live" | number;
  /** Layer of the expert views; undefined: the first MoE layer. */
  layer: number | undefined;
  /** The followed expert. */
  expert: number | undefined;
  /** What lines show of the layers: their mean, their spread, or each of them. */
  lines: Lines;
  /** Steps whose loads are added up for what is said over a window. */
  over: number;
  shape: Shape;
  cells: Cells;
  /** Step that is subtracted in a difference of two steps. */
  since: number;
  /** Cells are of the step at the cursor, or of all the steps on screen added up. */
  span: "step" | "range";
  /** Attempt of the runs that have it; undefined: of overlapping attempts the newest. */
  attempt: number | undefined;
  /** Layers of the categories figure; undefined: first, middle, last. */
  figureLayers: readonly number[] | undefined;
  /** Steps that the categories figure adds up, both included; undefined: the last tenth. */
  window: readonly [from: number, to: number] | undefined;
  /** The marked attention head of the layer. */
  head: number | undefined;
  /** Score of the map of attention heads. */
  score: HeadScore;
  /** Bins of layers in the figure of attention heads; undefined: its own choice. */
  bins: number | undefined;
  /** Compare: the chosen runs, or all that are listed. */
  compared: (typeof COMPARED)[number];
  /** Compare: what runs of an arm have in common, a configuration key or the name of a tag NAME=VALUE. */
  by: string;
  /** Compare: value of the arm that the others are set against, and of the one that is; empty: the first ones. */
  baseline: string;
  against: string;
  /** Compare: steps that the difference of load is taken at, the last tenth or the cursor. */
  differenceAt: "tenth" | "cursor";
  /** Which numbers the table of Compare has. */
  numbers: Numbers;
  /** Compare: experts by their number, or in each layer the busiest first. */
  expertOrder: "number" | "load";
  /** What-if: capacity factor. */
  capacity: number;
  /** What-if: expert-parallel ranks; undefined: eight, or as many as the experts allow. */
  ranks: number | undefined;
  /** Words and conditions that the listed runs match; empty: all. */
  filter: string;
  /** Configuration key or number that the run list is sorted by, with a minus before it for descending; empty: newest first. */
  sort: string;
  /** Configuration key by which the run list is in groups; empty: none. */
  group: string;
  /** Undefined: what the system prefers. */
  theme: Theme | undefined;
}

export const START: Address = {
  view: "overview",
  runs: "newest",
  split: "train",
  x: "step",
  range: undefined,
  log: false,
  smooth: 0,
  step: "live",
  layer: undefined,
  expert: undefined,
  lines: "mean",
  over: 32,
  shape: "lines",
  cells: "relative",
  since: 0,
  span: "step",
  attempt: undefined,
  figureLayers: undefined,
  window: undefined,
  head: undefined,
  score: "induction",
  bins: undefined,
  compared: "chosen",
  by: "strategy",
  baseline: "",
  against: "",
  differenceAt: "tenth",
  numbers: "cursor",
  expertOrder: "number",
  capacity: 1.25,
  ranks: undefined,
  filter: "",
  sort: "",
  group: "",
  theme: undefined,
};

/** Thrown inside while reading one parameter; its message says what is allowed. */
class NotAllowed extends Error {}

/** How each part of the address is read from and written to its parameter. `write` gives undefined for the default. */
const PARAMETERS: {
  [Name in keyof Address]: { read(text: string): Address[Name]; write(value: Address[Name]): string | undefined };
} = {
  view: choice(VIEWS, START.view),
  runs: { read: readRuns, write: (runs) => (runs === "newest" ? undefined : runs.map(writeRun).join(",")) },
  split: choice(SPLITS, START.split),
  x: choice(AXES, START.x),
  range: twoSteps("range"),
  log: {
    read: (text) => choice(["log", "linear"], "linear").read(text) === "log",
    write: (on) => (on ? "log" : undefined),
  },
  smooth: { read: wholeNumber, write: (steps) => (steps === 0 ? undefined : String(steps)) },
  step: {
    read: (text) => (text === "live" ? "live" : wholeNumber(text)),
    write: (step) => (step === "live" ? undefined : String(step)),
  },
  layer: { read: wholeNumber, write: optionalNumber },
  expert: { read: wholeNumber, write: optionalNumber },
  lines: choice(LINES, START.lines),
  over: { read: positiveInteger, write: (steps) => (steps === START.over ? undefined : String(steps)) },
  shape: choice(SHAPES, START.shape),
  cells: choice(CELLS, START.cells),
  since: { read: wholeNumber, write: (step) => (step === START.since ? undefined : String(step)) },
  span: choice(["step", "range"], START.span),
  attempt: { read: wholeNumber, write: optionalNumber },
  figureLayers: { read: (text) => text.split(",").map(wholeNumber), write: (layers) => layers?.join(",") },
  window: twoSteps("window"),
  head: { read: wholeNumber, write: optionalNumber },
  score: choice(HEAD_SCORES, START.score),
  bins: { read: positiveInteger, write: optionalNumber },
  compared: choice(COMPARED, START.compared),
  by: freeText(START.by),
  baseline: freeText(),
  against: freeText(),
  differenceAt: choice(["tenth", "cursor"], START.differenceAt),
  numbers: choice(NUMBERS, START.numbers),
  expertOrder: choice(["number", "load"], START.expertOrder),
  capacity: { read: positiveNumber, write: (factor) => (factor === START.capacity ? undefined : String(factor)) },
  ranks: { read: positiveInteger, write: optionalNumber },
  filter: freeText(),
  sort: freeText(),
  group: freeText(),
  theme: choice<Theme | undefined>(THEMES, undefined),
};

/** Names in the address, in the order they are written. */
const NAMES: { [Name in keyof Address]: string } = {
  view: "view",
  runs: "runs",
  layer: "layer",
  expert: "expert",
  step: "step",
  split: "split",
  x: "x",
  range: "range",
  log: "y",
  smooth: "smooth",
  lines: "lines",
  over: "over",
  shape: "shape",
  cells: "cells",
  since: "since",
  span: "span",
  attempt: "attempt",
  figureLayers: "figure",
  window: "window",
  head: "head",
  score: "score",
  bins: "bins",
  compared: "compared",
  by: "by",
  baseline: "baseline",
  against: "against",
  differenceAt: "difference",
  numbers: "numbers",
  expertOrder: "experts",
  capacity: "capacity",
  ranks: "ranks",
  filter: "filter",
  sort: "sort",
  group: "group",
  theme: "theme",
};

/**
 * @param search the query part of an address, with or without its question mark
 * @returns the address, and one line for each parameter that was ignored because its value is not allowed
 */
export function parseAddress(search: string): { address: Address; ignored: string[] } {
  const parameters = new URLSearchParams(search);
  const ignored: string[] = [];
  const address: Address = { ...START };
  for (const key of Object.keys(NAMES) as (keyof Address)[]) {
    const text = parameters.get(NAMES[key]);
    if (text === null) continue;
    try {
      Object.assign(address, { [key]: PARAMETERS[key].read(text) });
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error;
      ignored.push(`${NAMES[key]}=${text} in the address was ignored: ${error.message}.`);
    }
  }
  return { address, ignored };
}

/** @returns the query part, with its question mark; empty where everything is as at the start */
export function formatAddress(address: Address): string {
  const parts: string[] = [];
  for (const key of Object.keys(NAMES) as (keyof Address)[]) {
    const text = (PARAMETERS[key].write as (value: unknown) => string | undefined)(address[key]);
    if (text !== undefined) parts.push(`${NAMES[key]}=${text}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

function choice<T extends string | undefined>(allowed: readonly T[], normal: T) {
  return {
    read(text: string): T {
      if (!allowed.includes(text as T)) throw new NotAllowed(`allowed are ${allowed.join(", ")}`);
      return text as T;
    },
    write: (value: T) => (value === normal ? undefined : value),
  };
}

function readRuns(text: string): readonly string[] {
  const runs = [
    ...new Set(
      text
        .split(",")
        .filter((id) => id !== "")
        .map(decodeRun),
    ),
  ];
  if (runs.length > MOST_RUNS) throw new NotAllowed(`at most ${MOST_RUNS} runs can be chosen`);
  return runs;
}

/** Twice: the address is decoded before it is cut at its commas, and an id may hold a comma. */
function writeRun(id: string): string {
  return encodeURIComponent(encodeURIComponent(id));
}

function decodeRun(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: the id as it stands.
    return text;
  }
}

/** Two steps, the first not after the last. */
function twoSteps(name: string) {
  return {
    read(text: string): readonly [number, number] {
      const match = /^(\d+)-(\d+)$/.exec(text);
      if (match === null) throw new NotAllowed(`a ${name} is written FROM-TO, two steps`);
      const [from, to] = [wholeNumber(match[1]!), wholeNumber(match[2]!)];
      if (from > to) throw new NotAllowed(`its first step ${from} is after its last step ${to}`);
      return [from, to];
    },
    write: (range: readonly [number, number] | undefined) => range?.join("-"),
  };
}

function freeText(normal = "") {
  return {
    read: (text: string) => text,
    write: (text: string) => (text === normal ? undefined : encodeURIComponent(text)),
  };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new NotAllowed("allowed are whole numbers from 0");
  return value;
}

function positiveInteger(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new NotAllowed("allowed are whole numbers from 1");
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new NotAllowed("allowed are numbers above 0");
  return value;
}

function optionalNumber(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
