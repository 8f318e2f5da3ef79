// Runs that are stored already: those that a planned run would only repeat.
import { isDeepStrictEqual } from "node:util";
import { v1 } from "@moescope/proto";
import { type RunConfiguration, readConfiguration } from "@moescope/trainer";
import type { StoredRun } from "../reading/find-run.ts";

/** @param runs the newest first @returns the newest finished run of that configuration */
export function finishedTwin(runs: readonly StoredRun[], wanted: RunConfiguration): StoredRun | undefined {
  const { FINISHED } = v1.RunSummary.State;
  return runs.find(({ run, state, lastStep, steps }) => {
    const isWhole = state === FINISHED && lastStep === wanted.steps - 1 && steps >= wanted.steps;
    return isWhole && isTwin(run, wanted);
  });
}

/**
 * A run whose process was killed counts as live for some seconds. One that really is live has a process, which refuses a second attempt.
 *
 * @param runs the newest first
 * @returns the newest run of that configuration that did not come to its end
 */
export function stoppedTwin(runs: readonly StoredRun[], wanted: RunConfiguration): StoredRun | undefined {
  const { STOPPED, SILENT, LIVE } = v1.RunSummary.State;
  return runs.find(({ run, state }) => [STOPPED, SILENT, LIVE].includes(state) && isTwin(run, wanted));
}

function isTwin({ configJson, parent }: v1.RunDescription, wanted: RunConfiguration): boolean {
  const stored = parent ? undefined : readStored(configJson);
  if (!stored) return false;
  const { vocabulary, patchSize } = stored.model;
  // Decided by the data, which is compared by itself; whether all runs had the same data, the comparison says.
  const expected = { ...wanted, model: { ...wanted.model, vocabulary, patchSize }, corpus: stored.corpus };
  return isDeepStrictEqual(asStored(stored), asStored(expected));
}

/** Undefined for what this version could not train: a recipe or a setting that is gone, or a run of another program. */
function readStored(configJson: string): RunConfiguration | undefined {
  try {
    return readConfiguration(JSON.parse(configJson));
  } catch {
    return undefined;
  }
}

function asStored(configuration: RunConfiguration): unknown {
  return JSON.parse(JSON.stringify(configuration));
}
