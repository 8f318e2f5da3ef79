// What the figures are drawn from, asked of the collector.
import type { Client } from "@moescope/dashboard/api";
import { lastTenth, type ProbedRun, type RunSteps } from "@moescope/dashboard/figures";
import { WrongUse } from "../failure.ts";
import type { StoredRun } from "../reading/find-run.ts";
import type { FigureChoice } from "./figure.ts";

/** Steps of one run added up by the collector, with the counts of these layers. */
export async function runSteps(
  client: Client,
  { run, lastStep }: StoredRun,
  layers: readonly number[],
  { from, to }: Pick<FigureChoice, "from" | "to">,
): Promise<RunSteps> {
  const [first, last] = lastTenth(to ?? lastStep);
  return { run, history: await client.history({ run: run.id, from: from ?? first, to: last, points: 1, layers }) };
}

/** The newest probe of each run, or the newest up to a step. */
export function probedRuns(client: Client, { runs, to }: FigureChoice): Promise<ProbedRun[]> {
  return Promise.all(
    runs.map(async ({ run }) => ({
      run,
      probe: await client.probe({ run: run.id, ...(to !== undefined && { step: to }) }),
    })),
  );
}

/** @throws WrongUse unless there is exactly one */
export function onlyRun(figure: string, runs: readonly StoredRun[]): StoredRun {
  if (runs.length === 1) return runs[0]!;
  throw new WrongUse(`--runs names ${runs.length} runs; ${figure} draws one`);
}

/** Runs that cannot stand in one figure are the caller's choice. */
export function modelOf<Model>(build: () => Model): Model {
  try {
    return build();
  } catch (error) {
    if (error instanceof RangeError) throw new WrongUse(error.message, { cause: error });
    throw error;
  }
}
