import { expect, test } from "vitest";
import type { RunHistory } from "../../data/run-history.ts";
import { syntheticBuckets, syntheticChosen } from "../../testing/synthetic-run.ts";
import { deadIn, expertsModel } from "./experts-model.ts";
import { mapColumns, mapDead, mapValues, pauseAt } from "./map-columns.ts";
import { stretchesOf } from "./stream-model.ts";

const HOUR = 3_600_000;

/** 90 steps, half a second each; from step 60 on it is another attempt, an hour later. Expert 1 is dead at first and at last. */
const options = {
  experts: 4,
  load: (step: number, _: number, expert: number) => (expert === 1 && (step < 1 || step > 88) ? 0 : 300 + step),
};
const history = (pause: number): RunHistory => ({
  chosen: syntheticChosen(options, 90),
  buckets: syntheticBuckets(90, options).map((bucket, step) =>
    step < 60 ? bucket : { ...bucket, attempt: 1, time: bucket.time! + pause },
  ),
  lead: [],
  width: 1,
  status: "ready",
  newest: undefined,
});

test("experts are rows, and without a pause buckets are columns", () => {
  const model = expertsModel(history(HOUR), 1, "step");
  const columns = mapColumns(model, "step");
  expect(columns).toEqual({ buckets: [...Array(90).keys()], x: model.x, pauses: [] });
  const values = mapValues(model, columns);
  expect(values[2 * 90 + 7]).toBe(model.relative[7 * 4 + 2]);
  expect(mapDead(deadIn(model), columns)).toEqual([90, 90 + 89]);
  expect(stretchesOf(model, "step")).toEqual([[0, 90]]);
});

test("on the time axis a pause has columns of its own, with nothing in them", () => {
  const model = expertsModel(history(HOUR), 1, "time");
  const columns = mapColumns(model, "time");
  expect(columns.pauses).toEqual([{ from: 60, before: 63, length: HOUR + 500 }]);
  expect(columns.buckets.slice(58, 65)).toEqual([58, 59, 59, 59, 59, 60, 61]);
  expect(columns.x.slice(59, 64)).toEqual(columns.x.slice(59, 64).sort());
  expect([59, 60, 62, 63].map((column) => pauseAt(columns, column)?.from)).toEqual([undefined, 60, 60, undefined]);
  const values = mapValues(model, columns);
  expect(values[2 * 93 + 63]).toBe(model.relative[60 * 4 + 2]);
  for (const expert of [0, 1, 2, 3]) expect(values[expert * 93 + 61]).toBeNaN();
  expect(mapDead(deadIn(model), columns)).toEqual([93, 93 + 92]);
  expect(stretchesOf(model, "time")).toEqual([
    [0, 60],
    [60, 90],
  ]);
});

test("a short pause takes no more room than it lasted", () => {
  expect(mapColumns(expertsModel(history(600), 1, "time"), "time").pauses).toMatchObject([{ from: 60, before: 62 }]);
});
