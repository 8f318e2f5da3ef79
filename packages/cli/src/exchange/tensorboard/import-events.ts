// Scalars of a TensorBoard log as a run without experts.
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { LIMITS, v1 } from "@moescope/proto";
import { Failure, WrongUse } from "../../failure.ts";
import type { IncomingRun } from "../incoming-run.ts";
import { otherAxes } from "./scalar-axes.ts";
import { type Attempt, type Log, readScalarLog, type ScalarStep } from "./scalar-log.ts";

/**
 * Held in memory, because the events of a step may lie anywhere.
 *
 * @param path an event file, or the folder that holds those of one run
 * @param names new names of scalars by their tags, for example `loss` for `train/loss`
 * @throws Failure when there are no scalars; RangeError that names the place where a file is damaged
 */
export async function readScalarEvents(path: string, names: ReadonlyMap<string, string>): Promise<IncomingRun> {
  const log = await readScalarLog(eventFiles(path));
  if (log.attempts.length === 0)
    throw new Failure(`${path} holds no scalars${log.before > 0 ? " of steps from 0" : ""}`);
  const { attempts, apart, axis } = overOneAxis(log.attempts, names);
  refuseTooMany(attempts);
  const steps = attempts.map((attempt) => [...attempt].sort(([a], [b]) => a - b));
  const times = steps.flatMap((ascending) => ascending.map(([, { time }]) => time));
  return {
    shape: {
      ...{ moeLayers: [], categories: [], experts: 1, topK: 1 },
      plannedSteps: times.length,
      startedAt: times.reduce((least, time) => Math.min(least, time)),
    },
    steps: messages(steps),
    notes: notesOf(log, apart, axis),
  };
}

function eventFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.includes("tfevents")).map(({ name }) => name);
  // Names begin with the seconds of their start, and may end in a number.
  const inOrder = new Intl.Collator("en", { numeric: true });
  if (files.length > 0) return files.sort(inOrder.compare).map((name) => join(path, name));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const instead = folders.length > 0 ? `; import one run at a time: ${folders.join(", ")}` : "";
  throw new WrongUse(`${path} holds no event files${instead}`);
}

interface OneAxis {
  /** Scalars by their new names. */
  attempts: Attempt[];
  /** Tags that are left out, by what their steps count. */
  apart: Map<string, string>;
  /** What the steps count, where it is not steps. */
  axis: string | undefined;
}

/** Those over steps; where there are none, all that there are. */
function overOneAxis(all: readonly Attempt[], names: ReadonlyMap<string, string>): OneAxis {
  const axes = otherAxes(all);
  const tags = new Set(all.flatMap((attempt) => [...attempt.values()].flatMap(({ scalars }) => [...scalars.keys()])));
  const axis = [...tags].every((tag) => axes.has(tag)) ? [...new Set(axes.values())].join(" and ") : undefined;
  const apart = axis === undefined ? axes : new Map<string, string>();
  const attempts = all.map((attempt) => {
    const kept: Attempt = new Map();
    for (const [step, { time, scalars }] of attempt) {
      const chosen = [...scalars].filter(([tag]) => !apart.has(tag));
      const renamed = chosen.map(([tag, value]): [string, number] => [names.get(tag) ?? tag, value]);
      if (renamed.length > 0) kept.set(step, { time, scalars: new Map(renamed) });
    }
    return kept;
  });
  return { attempts: attempts.filter(({ size }) => size > 0), apart, axis };
}

function refuseTooMany(attempts: readonly Attempt[]): void {
  const names = new Set<string>();
  for (const attempt of attempts)
    for (const { scalars } of attempt.values()) for (const name of scalars.keys()) names.add(name);
  const { most } = LIMITS.scalarNames;
  if (names.size > most)
    throw new Failure(`There are scalars of ${names.size} names; a collector takes at most ${most}`);
}

function notesOf({ attempts, other, before, cut, discarded }: Log, apart: ReadonlyMap<string, string>, axis?: string) {
  const [first] = apart;
  const restarts = attempts.length - 1;
  return [
    [other, `Passed over: ${other} values that are no scalars`] as const,
    [before, `Passed over: ${before} values of steps below 0, which writers use for no step`] as const,
    [cut.length, `Passed over: an end that is cut off, in ${cut.map((file) => basename(file)).join(", ")}`] as const,
    [restarts, `Restarts: ${restarts}; steps that were repeated are kept as earlier attempts`] as const,
    [discarded, `Passed over: ${discarded} steps that a restart took back and did not repeat`] as const,
    [
      apart.size,
      `Passed over: ${apart.size} scalars over ${first?.[1]} instead of steps, as ${JSON.stringify(first?.[0])}`,
    ] as const,
    [axis === undefined ? 0 : 1, `What is shown as steps are ${axis}: no scalar of the log is over steps`] as const,
  ].flatMap(([count, text]) => (count > 0 ? [text] : []));
}

async function* messages(attempts: readonly [number, ScalarStep][][]): AsyncGenerator<v1.Step.$Properties> {
  for (const [attempt, steps] of attempts.entries()) {
    for (const [step, { time, scalars }] of steps) {
      const values = [...scalars].map(([name, value]) => ({ name, value }));
      yield { step, attempt, time, split: v1.Split.TRAIN, scalars: values };
    }
  }
}
