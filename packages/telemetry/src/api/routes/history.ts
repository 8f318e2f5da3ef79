// GET /runs/:id/history: a range of steps, reduced to the number of points asked for.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import type { z } from "zod";
import { bucketWidth, type HistoryRequest, queryHistory } from "../../store/reading/history.ts";
import type { Runs } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { historyParameters, readParameters } from "../parameters.ts";
import { RequestError, respond } from "../respond.ts";
import { chosenAttempts } from "./chosen-attempts.ts";
import { unknownRun } from "./runs.ts";

/** Most counts in one answer: a heat map of 2,000 columns × 256 experts × 3 categories with its extremes fits. */
const MAX_COUNTS = 4_000_000;

export function historyRoutes(runs: Runs, store: Store): Hono {
  const routes = new Hono();
  routes.get("/runs/:id/history", async (context) => {
    const description = runs.description(context.req.param("id")) ?? unknownRun(context.req.param("id"));
    const parameters = readParameters(historyParameters, new URL(context.req.url).searchParams);
    const request = historyRequest(description, parameters, runs, store);
    refuseTooMuch(request, description);
    return respond(context, v1.History, await queryHistory(request, store.database));
  });
  return routes;
}

function historyRequest(
  description: v1.RunDescription,
  parameters: z.output<typeof historyParameters>,
  runs: Runs,
  store: Store,
): HistoryRequest {
  const { id, ranks } = description;
  const from = parameters.from ?? 0;
  const to = parameters.to ?? Math.max(runs.lastStep(id), from);
  if (to < from) throw new RequestError(400, `parameter to is ${to}: must be ${from}, the value of from, or more`);
  const { split, points } = parameters;
  return {
    ...{ run: id, split, from, to, points, ranks },
    layers: chosenLayers(parameters.layers, description),
    onlyChosen: parameters.metrics === "chosen",
    together: parameters.categories === "together",
    attempts: chosenAttempts(parameters.attempt, id, runs),
    sealed: (attempt) => store.sealed(id, split, attempt),
    singleFrom: (attempt) => (split === v1.Split.TRAIN ? store.singleFrom(id, attempt) : 0),
    exists: store.existing(id),
  };
}

function chosenLayers(layers: "none" | "all" | number[], { moeLayers }: v1.RunDescription): number[] {
  if (layers === "none") return [];
  if (layers === "all") return moeLayers;
  const unknown = layers.find((layer) => !moeLayers.includes(layer));
  if (unknown === undefined) return layers;
  throw new RequestError(400, `parameter layers has ${unknown}: the run's MoE layers are ${moeLayers.join(", ")}`);
}

function refuseTooMuch(request: HistoryRequest, { experts, categories: { length } }: v1.RunDescription): void {
  const { from, to, points, layers, together } = request;
  const buckets = Math.ceil((to - from + 1) / bucketWidth(from, to, points));
  const loads = together ? 1 : length;
  if (buckets * layers.length * experts * (loads + 2) <= MAX_COUNTS) return;
  throw new RequestError(
    400,
    `${buckets} points × ${layers.length} layers × ${experts} experts × ${together ? "all categories together" : `${length} categories`} is more than one answer holds (${MAX_COUNTS} counts): ask for fewer points or layers`,
  );
}
