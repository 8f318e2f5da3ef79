// Scalars of a TensorBoard log as a run without experts.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { Failure, WrongUse } from "../../failure.ts";
import type { IncomingRun } from "../incoming-run.ts";
import { scalarOf } from "./event.ts";
import { readEvents } from "./event-file.ts";

interface ScalarStep {
  /** Milliseconds since the Unix epoch, of the newest event. */
  time: number;
  scalars: Map<string, number>;
}

/**
 * Held in memory, because the events of a step may lie anywhere. Where a restarted writer repeats steps, the later file counts.
 *
 * @param path an event file, or the folder that holds those of one run
 * @param names new names of scalars by their tags, for example `loss` for `train/loss`
 * @throws Failure when there are no scalars; RangeError that names the place where a file is damaged
 */
export async function readScalarEvents(path: string, names: ReadonlyMap<string, string>): Promise<IncomingRun> {
  const steps = new Map<number, ScalarStep>();
  let other = 0;
  let before = 0;
  for (const file of eventFiles(path)) {
    for await (const { step, wallTime, summary } of readEvents(file)) {
      for (const value of summary?.value ?? []) {
        const scalar = scalarOf(value);
        if (scalar === undefined) other++;
        else if (step < 0) before++;
        else put(steps, step, 1000 * wallTime, names.get(value.tag) ?? value.tag, scalar);
      }
    }
  }
  if (steps.size === 0) throw new Failure(`${path} holds no scalars${before > 0 ? " of steps from 0" : ""}`);
  const ascending = [...steps].sort(([a], [b]) => a - b);
  return {
    shape: {
      ...{ moeLayers: [], categories: [], experts: 1, topK: 1 },
      ...{ plannedSteps: steps.size, startedAt: ascending[0]![1].time },
    },
    ranks: [messages(ascending)],
    notes: [
      ...(other > 0 ? [`Passed over: ${other} values that are no scalars`] : []),
      ...(before > 0 ? [`Passed over: ${before} values of steps below 0, which writers use for no step`] : []),
    ],
  };
}

function eventFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.includes("tfevents")).map(({ name }) => name);
  // The seconds in a name sort as text, being of equal length.
  if (files.length > 0) return files.sort().map((name) => join(path, name));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const instead = folders.length > 0 ? `; import one run at a time: ${folders.join(", ")}` : "";
  throw new WrongUse(`${path} holds no event files${instead}`);
}

function put(steps: Map<number, ScalarStep>, step: number, time: number, name: string, value: number): void {
  const known = steps.get(step) ?? { time: 0, scalars: new Map<string, number>() };
  known.time = Math.max(known.time, time);
  known.scalars.set(name, value);
  steps.set(step, known);
}

async function* messages(steps: [number, ScalarStep][]): AsyncGenerator<v1.Step.$Properties> {
  for (const [step, { time, scalars }] of steps) {
    const values = [...scalars].map(([name, value]) => ({ name, value }));
    yield { step, time, split: v1.Split.TRAIN, scalars: values };
  }
}
