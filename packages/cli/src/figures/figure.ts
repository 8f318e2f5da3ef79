// What a figure is before it has a form, and what is chosen for it.
import type { Client } from "@moescope/dashboard/api";
import type { StoredRun } from "../reading/find-run.ts";

/** A figure with its numbers, not yet in any form. */
export interface Figure {
  svg(): string;
  csv(): string;
}

export interface FigureChoice {
  runs: readonly StoredRun[];
  /** MoE layers; the figure's own choice when absent. */
  layers?: readonly number[];
  /** First and last step to add up; the last tenth of each run when absent. Of probes, the newest up to `to`. */
  from?: number;
  to?: number;
  /** Bins of layers, in the figure that has them. */
  bins?: number;
}

export type FigureMaker = (client: Client, choice: FigureChoice) => Promise<Figure>;
