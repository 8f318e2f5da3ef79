// Runs in groups that are set against each other: the arms of a comparison.
import type { v1 } from "@moescope/proto";
import { idOf } from "../../data/chosen-runs.ts";
import { RUN_COLOURS } from "../../data/run-colours.ts";
import { factNames, factsOf } from "../../data/run-list.ts";
import { strategyName } from "../../format/strategy.ts";

export type Summary = v1.RunSummary.$Properties;

export interface Arm {
  /** What its runs have in common, as it stands in the address. */
  value: string;
  /** The same for people. */
  name: string;
  /** In the order of their seeds. */
  runs: Summary[];
  /** Index among the arms: its mark. */
  place: number;
  /** Index into the run colours: its run's own where every arm is one run, else its place. */
  colour: number;
}

/** Facts that a run is not configured with. */
const MEASURED = new Set(["name", "state", "started", "step", "tokens", "loss", "maxvio", "validation-loss"]);

/** @returns names of what can be compared by: the strategy, what tags say as NAME=VALUE, and configuration keys that differ */
export function comparableBy(summaries: readonly Summary[]): string[] {
  const tags = summaries.flatMap(({ run }) => (run?.tags ?? []).flatMap((tag) => tagOf(tag)?.name ?? []));
  const names = ["strategy", ...tags, ...factNames(summaries)].filter((name) => !MEASURED.has(name));
  const differs = (name: string) => new Set(summaries.map((summary) => factOf(summary, name))).size > 1;
  return [...new Set(names)].filter((name) => name === "strategy" || differs(name));
}

/**
 * @param by as `comparableBy` names it; runs without it are an arm of their own
 * @param colours of the runs, by id
 */
export function armsOf(summaries: readonly Summary[], by: string, colours: ReadonlyMap<string, number>): Arm[] {
  const groups = new Map<string | number, Summary[]>();
  for (const summary of summaries) {
    const value = factOf(summary, by);
    groups.set(value, [...(groups.get(value) ?? []), summary]);
  }
  const arms = [...groups].sort(([a], [b]) => compareValues(a, b));
  const own = arms.map(([, [run]]) => colours.get(idOf(run!)));
  const singles = arms.every(([, runs]) => runs.length === 1) && new Set(own).size === arms.length;
  return arms.map(([value, runs], place) => ({
    value: String(value),
    name: nameOf(String(value), by),
    runs: runs.toSorted((a, b) => seedOf(a) - seedOf(b)),
    place,
    colour: (singles ? own[place] : undefined) ?? place % RUN_COLOURS,
  }));
}

/**
 * @param baseline value of the arm that the others are set against
 * @param against value of the arm that is set against it
 * @returns both, where there are two; what is not there gives way to the first other one
 */
export function armPair(
  arms: readonly Arm[],
  baseline: string,
  against: string,
): { baseline: Arm | undefined; against: Arm | undefined } {
  const first = arms.find(({ value }) => value === baseline) ?? arms.find(({ value }) => value !== against);
  const others = arms.filter((arm) => arm !== first);
  return { baseline: first, against: others.find(({ value }) => value === against) ?? others[0] };
}

/** How an arm is drawn: colours repeat after six, and those after are weaker. */
export function armColour({ place, colour }: Arm): { colour: string; opacity: number } {
  return { colour: `var(--run-${colour})`, opacity: place < RUN_COLOURS ? 1 : 0.55 };
}

export function seedOf({ run }: Summary): number {
  return run?.seed ?? 0;
}

function factOf(summary: Summary, name: string): string | number {
  const tag = (summary.run?.tags ?? []).map(tagOf).find((each) => each?.name === name);
  return factsOf(summary).get(name) ?? tag?.value ?? "";
}

/** `compare` tags its runs arm=NAME. */
function tagOf(tag: string): { name: string; value: string } | undefined {
  const at = tag.indexOf("=");
  return at > 0 ? { name: tag.slice(0, at), value: tag.slice(at + 1) } : undefined;
}

function nameOf(value: string, by: string): string {
  if (value === "") return `${by} not set`;
  if (by === "strategy") return strategyName(value);
  return by === "arm" ? value : `${by.split(".").at(-1)} ${value}`;
}

/** Numbers by size, before words by their letters; what is not set comes last. */
function compareValues(a: string | number, b: string | number): number {
  if (a === "" || b === "") return Number(a === "") - Number(b === "");
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
