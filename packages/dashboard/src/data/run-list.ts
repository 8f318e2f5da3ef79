// The list of runs: filtered, sorted and grouped by what is known of a run, its configuration included.
import type { v1 } from "@moescope/proto";
import { strategyName } from "../format/strategy.ts";
import { stateOf } from "./run-state.ts";

type Summary = v1.RunSummary.$Properties;
type Value = string | number;

/** Facts of a run by name: what the collector measured and what it was configured with, nested keys joined by dots. */
export type RunFacts = ReadonlyMap<string, Value>;

/** Numbers and words that every run has, beside its configuration. */
const OWN: Record<string, (summary: Summary) => Value | undefined> = {
  name: ({ run }) => run?.name || run?.id || "",
  state: stateOf,
  strategy: ({ run }) => run?.strategy ?? "",
  seed: ({ run }) => run?.seed ?? 0,
  recipe: ({ run }) => run?.recipe || undefined,
  started: ({ run }) => run?.startedAt ?? 0,
  step: ({ lastStep }) => lastStep ?? 0,
  tokens: ({ tokens }) => tokens ?? 0,
  loss: ({ loss }) => loss ?? Number.NaN,
  maxvio: ({ maxViolation }) => maxViolation ?? Number.NaN,
  "validation-loss": ({ validationLoss }) => validationLoss || undefined,
  experts: ({ run }) => run?.experts ?? 0,
  "top-k": ({ run }) => run?.topK ?? 0,
  layers: ({ run }) => run?.moeLayers?.length ?? 0,
  parent: ({ run }) => run?.parent || undefined,
};

const remembered = new WeakMap<Summary, RunFacts>();

/** Remembered for as long as the summary lives. */
export function factsOf(summary: Summary): RunFacts {
  let facts = remembered.get(summary);
  if (facts === undefined) {
    const own = Object.entries(OWN).flatMap(([name, read]): [string, Value][] => {
      const value = read(summary);
      return value === undefined ? [] : [[name, value]];
    });
    facts = new Map([...configuration(summary.run?.configJson), ...own]);
    remembered.set(summary, facts);
  }
  return facts;
}

function configuration(json: string | undefined): [string, Value][] {
  if (!json) return [];
  try {
    return flatten("", JSON.parse(json));
  } catch {
    // A run of another program may put there what it likes; it has no keys to sort by.
    return [];
  }
}

function flatten(path: string, value: unknown): [string, Value][] {
  if (typeof value === "number" || typeof value === "string") return [[path, value]];
  if (typeof value === "boolean") return [[path, String(value)]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => flatten(path === "" ? key : `${path}.${key}`, part));
}

/** Names to sort and group by: those every run has, then the keys of configurations in which the runs differ. */
export function factNames(summaries: readonly Summary[]): string[] {
  const keys = new Set(summaries.flatMap((summary) => [...factsOf(summary).keys()]));
  const differs = (key: string) => new Set(summaries.map((summary) => factsOf(summary).get(key))).size > 1;
  return [...Object.keys(OWN), ...[...keys].filter((key) => !(key in OWN) && differs(key)).sort()];
}

const CONDITION = /^([^\s=<>!]+)(!=|<=|>=|=|<|>)(.+)$/;

/**
 * @param filter words and conditions, all of which have to hold: `live`, `model.experts=64`, `loss<2`, `strategy!=none`. A word matches
 *   within the id, name, strategy, recipe, state, seed or a tag
 */
export function matches(summary: Summary, filter: string): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((part) => holds(summary, part));
}

function holds(summary: Summary, part: string): boolean {
  const [, name, sign, wanted] = CONDITION.exec(part) ?? [];
  if (name === undefined || wanted === undefined) return searchText(summary).includes(part);
  // A tag may look like a condition: moescope compare tags its runs compare=NAME.
  if (sign === "=" && (summary.run?.tags ?? []).some((tag) => tag.toLowerCase() === part)) return true;
  const value = [...factsOf(summary)].find(([each]) => each.toLowerCase() === name)?.[1];
  if (value === undefined) return sign === "!=";
  const order = compareValues(value, typeof value === "number" ? Number(wanted) : wanted);
  switch (sign) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0;
    default:
      return order >= 0;
  }
}

function searchText(summary: Summary): string {
  const { id = "", name = "", strategy = "", recipe = "", tags = [], seed = 0 } = summary.run ?? {};
  return [id, name, strategy, strategyName(strategy), recipe, ...tags, `seed ${seed}`, stateOf(summary)]
    .join("\n")
    .toLowerCase();
}

/** Negative, 0 or positive; NaN when either is not a number, so that no condition but `!=` holds. */
function compareValues(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a).toLowerCase(), String(b).toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

export interface RunOrder {
  filter: string;
  /** A fact's name, with a minus before it for descending; empty: as they come. */
  sort: string;
  /** A fact's name; empty: one group. */
  group: string;
}

export interface RunGroup {
  /** "strategy: none"; empty when there is one group. */
  title: string;
  runs: Summary[];
}

/**
 * @param summaries pinned ones first
 * @param isPinned stay at the top of their group, however it is sorted
 */
export function arrangeRuns(
  summaries: readonly Summary[],
  { filter, sort, group }: RunOrder,
  isPinned: (run: string) => boolean,
): RunGroup[] {
  const sorted = sortRuns(
    summaries.filter((summary) => matches(summary, filter)),
    sort,
  );
  const pinned = (summary: Summary) => isPinned(summary.run?.id ?? "");
  const runs = [...sorted.filter(pinned), ...sorted.filter((summary) => !pinned(summary))];
  if (group === "") return runs.length === 0 ? [] : [{ title: "", runs }];
  const groups = new Map<Value | undefined, Summary[]>();
  for (const summary of runs) {
    const value = factsOf(summary).get(group);
    groups.set(value, [...(groups.get(value) ?? []), summary]);
  }
  return [...groups]
    .sort(([a], [b]) => compareKnown(a, b, 1))
    .map(([value, members]) => ({ title: `${group}: ${value ?? "not set"}`, runs: members }));
}

/** What is not known comes last, in either direction. */
function compareKnown(a: Value | undefined, b: Value | undefined, direction: 1 | -1): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return direction * compareValues(a, b);
}

function sortRuns(summaries: Summary[], sort: string): Summary[] {
  if (sort === "") return summaries;
  const [name, direction] = sort.startsWith("-") ? [sort.slice(1), -1 as const] : [sort, 1 as const];
  const knownValue = (summary: Summary) => {
    const value = factsOf(summary).get(name);
    return Number.isNaN(value) ? undefined : value;
  };
  return summaries.toSorted((a, b) => compareKnown(knownValue(a), knownValue(b), direction));
}
