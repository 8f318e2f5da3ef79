import { expect, test } from "vitest";
import { syntheticRun } from "../testing/synthetic-run.ts";
import { loadQueries } from "./run-loads.ts";

test("a small run is one request at screen resolution", () => {
  expect(loadQueries(syntheticRun({ layers: [1, 3], experts: 16 }), "train", [0, 99_999])).toEqual([
    { run: "r", split: "train", from: 0, to: 99_999, points: 400, layers: [1, 3] },
  ]);
});

test("a large one comes in fewer points and a few layers at a time, each layer once", () => {
  const layers = Array.from({ length: 58 }, (_, place) => place + 3);
  const queries = loadQueries(syntheticRun({ layers, experts: 256 }), "train", [0, 99_999]);
  expect(queries.flatMap((query) => [...(query.layers as readonly number[])])).toEqual(layers);
  const { points = 0 } = queries[0]!;
  expect(points).toBeGreaterThanOrEqual(32);
  for (const query of queries) expect(points * query.layers!.length * 256 * 6).toBeLessThanOrEqual(400_000);
  // Zoomed in to a few steps, all layers fit into fewer requests.
  expect(loadQueries(syntheticRun({ layers, experts: 256 }), "train", [0, 3]).length).toBe(1);
});

test("a run without MoE layers asks for nothing", () => {
  expect(loadQueries(syntheticRun({ layers: [] }), "train", [0, 9])).toEqual([]);
});
