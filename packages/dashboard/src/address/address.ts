// What is on screen, as the parameters of the address: parsed, checked, and written back in one form.

export const VIEWS = ["overview", "balance", "experts", "layers", "categories"] as const;
export type ViewName = (typeof VIEWS)[number];
export const SPLITS = ["train", "eval", "probe"] as const;
export const AXES = ["step", "tokens", "time"] as const;
export type Axis = (typeof AXES)[number];
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
  /** The step cursor: a step, or the newest one. */
  step: "live" | number;
  /** Layer of the expert views; undefined: the first MoE layer. */
  layer: number | undefined;
  /** The followed expert. */
  expert: number | undefined;
  /** One line for each layer instead of their mean. */
  perLayer: boolean;
  /** Layers of the categories figure; undefined: first, middle, last. */
  figureLayers: readonly number[] | undefined;
  /** Steps that the categories figure adds up, both included; undefined: the last tenth. */
  window: readonly [from: number, to: number] | undefined;
  /** Undefined: what the system prefers. */
  theme: Theme | undefined;
}

export const START: Address = {
  view: "overview",
  runs: "newest",
  split: "train",
  x: "step",
  step: "live",
  layer: undefined,
  expert: undefined,
  perLayer: false,
  figureLayers: undefined,
  window: undefined,
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
  step: {
    read: (text) => (text === "live" ? "live" : wholeNumber(text)),
    write: (step) => (step === "live" ? undefined : String(step)),
  },
  layer: { read: wholeNumber, write: optionalNumber },
  expert: { read: wholeNumber, write: optionalNumber },
  perLayer: {
    read: (text) => choice(["layers", "mean"], "mean").read(text) === "layers",
    write: (on) => (on ? "layers" : undefined),
  },
  figureLayers: { read: (text) => text.split(",").map(wholeNumber), write: (layers) => layers?.join(",") },
  window: { read: readWindow, write: (window) => window?.join("-") },
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
  perLayer: "lines",
  figureLayers: "figure",
  window: "window",
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

function readWindow(text: string): readonly [number, number] {
  const match = /^(\d+)-(\d+)$/.exec(text);
  if (match === null) throw new NotAllowed("a window is written FROM-TO, two steps");
  const [from, to] = [wholeNumber(match[1]!), wholeNumber(match[2]!)];
  if (from > to) throw new NotAllowed(`its first step ${from} is after its last step ${to}`);
  return [from, to];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new NotAllowed("allowed are whole numbers from 0");
  return value;
}

function optionalNumber(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
