// GET /runs/:id/history: a range of steps, reduced to the number of points asked for.
import { v1 } from "@moescope/proto";
import { z } from "zod";
import { queryHistory } from "../../store/reading/history.ts";
import { lastOfNext } from "../../store/reading/next-steps.ts";
import type { Runs } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { message } from "../answers.ts";
import { oneOf, wholeNumber, wholeNumberOr } from "../parameters.ts";
import { type Route, route } from "../route.ts";
import { chosenAttempts } from "./chosen-attempts.ts";
import { chosenLayers, chosenSteps, refuseTooMuch } from "./history-range.ts";
import { knownRun, UNKNOWN_RUN } from "./known-run.ts";
import { attempt, layers } from "./run-parameters.ts";

const SPLITS = { train: v1.Split.TRAIN, eval: v1.Split.EVAL, probe: v1.Split.PROBE, rollout: v1.Split.ROLLOUT };

const PARAMETERS = z.strictObject({
  split: oneOf(["train", "eval", "probe", "rollout"])
    .default("train")
    .transform((name) => SPLITS[name])
    .describe("What the steps were for."),
  from: wholeNumber().optional().describe("First step; without it that of the run."),
  to: wholeNumber().optional().describe("Last step, included; without it the newest."),
  points: wholeNumberOr(400, 1, 2000).describe("At most so many buckets."),
  buckets: oneOf(["wide", "single"])
    .default("wide")
    .describe("`single`: one step each, of the first `points` steps in the range, however far apart they are."),
  layers: layers.describe("Layers whose counts are wanted."),
  metrics: oneOf(["all", "chosen"])
    .default("all")
    .describe("`chosen`: MaxVio and the like of the layers in `layers` alone, in place of those of every layer."),
  categories: oneOf(["each", "together"])
    .default("each")
    .describe("`together`: one load for all categories of a layer, their sum, in place of one for each."),
  attempt,
});

export function readHistory(runs: Runs, store: Store): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/runs/{id}/history",
      summary: "A range of steps, in buckets of a power of two.",
      right: "read",
      parameters: PARAMETERS,
      answer: message(v1.History),
      errors: UNKNOWN_RUN,
    },
    async ({ id, query }) => {
      const run = knownRun(id, runs);
      const { split, points } = query;
      const single = query.buckets === "single";
      const request = {
        ...{ run: id, split, points, single, ranks: run.ranks },
        ...chosenSteps(query, runs.lastStep(id)),
        layers: chosenLayers(query.layers, run.moeLayers),
        onlyChosen: query.metrics === "chosen",
        together: query.categories === "together",
        attempts: chosenAttempts(query.attempt, runs.attempts(id)),
      };
      refuseTooMuch(request, run);
      const found = { ...request, ...stored(id, split, store) };
      const to = single ? await lastOfNext(found, points, store.database) : request.to;
      return queryHistory({ ...found, to }, store.database);
    },
  );
}

/** How the steps of a run lie in the store. */
function stored(run: string, split: v1.Split, store: Store) {
  return {
    sealed: (attempt: number) => store.sealed(run, split, attempt),
    singleFrom: (attempt: number) => (split === v1.Split.TRAIN ? store.singleFrom(run, attempt) : 0),
    exists: store.existing(run),
  };
}
