// A checkpoint as a person names it: a run or the beginning of its id, with a step or without, or the folder itself.
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Checkpoint, listCheckpoints, newestCheckpoint, readCheckpoint } from "@moescope/trainer";
import { WrongUse } from "../failure.ts";
import { matchId } from "../reading/match-id.ts";
import { note } from "../terminal/lines.ts";

/**
 * @param directory holds a folder for each run
 * @param wanted RUN, RUN@STEP, or the folder of a checkpoint; without a step the newest that can be read
 * @throws WrongUse when there is no such run, or no such checkpoint of it
 * @throws CheckpointError when it cannot be read, nor one before it
 */
export function findCheckpoint(directory: string, wanted: string): Checkpoint {
  if (existsSync(join(wanted, "checkpoint.json"))) return readCheckpoint(resolve(wanted));
  const [, start = "", stepText] = /^(.*?)(?:@(\d+))?$/s.exec(wanted)!;
  const runs = runsIn(directory);
  const id = matchId(runs, start, `no run is kept in ${directory}`, `In ${directory} are ${runs.join(", ")}`);
  const folder = resolve(directory, id);
  const step = stepText === undefined ? undefined : Number(stepText);
  const steps = listCheckpoints(folder).map((checkpoint) => checkpoint.step);
  if (steps.length === 0) throw new WrongUse(`Run ${id} has no checkpoint yet in ${folder}`);
  if (step !== undefined && !steps.includes(step)) {
    throw new WrongUse(`Run ${id} has no checkpoint of step ${step}; there are those of step ${steps.join(", ")}`);
  }
  return newestCheckpoint(folder, note, step);
}

function runsIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
