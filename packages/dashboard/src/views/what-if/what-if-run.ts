// What the answers are worked out from.
import type { Arrival } from "../../data/arrival.ts";
import type { Bucket } from "../../data/bucket.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import type { RunLoads } from "../../data/run-loads.ts";

/** A run with its loads over the steps, and those of the step at the cursor. */
export interface WhatIfRun {
  chosen: ChosenRun;
  /** Undefined while none are here. */
  loads: RunLoads | undefined;
  /** With the counts of all layers; undefined while there is none. */
  atCursor: Bucket | undefined;
  status: Arrival;
}
