import { expect, test } from "vitest";
import { relativeLoadModel } from "../../figures/relative-load-model.ts";
import { syntheticBuckets, syntheticRun } from "../../testing/synthetic-run.ts";
import { figureLayers, figureSentence, figureWindow, relativeLoadState, stepsState } from "./categories-model.ts";

test("the window is the last tenth unless the address says otherwise", () => {
  expect(figureWindow(undefined, 299, false)).toEqual([270, 299]);
  expect(figureWindow(undefined, -1, false)).toBeUndefined();
  expect(figureWindow([10, 500], 299, false)).toEqual([10, 299]);
  expect(figureWindow([400, 500], 299, false)).toBeUndefined();
});

test("while the run goes on the default window stays the same for some steps", () => {
  const windows = new Set(
    Array.from({ length: 64 }, (_, ahead) => String(figureWindow(undefined, 1000 + ahead, true))),
  );
  expect(windows.size).toBeLessThanOrEqual(5);
});

test("layers that no run has are left out; without any, first, middle and last", () => {
  expect(figureLayers([5, 1, 9], [0, 1, 2, 3, 4, 5])).toEqual([1, 5]);
  expect(figureLayers(undefined, [0, 1, 2, 3, 4, 5])).toEqual([0, 2, 5]);
  expect(figureLayers([9], [3])).toEqual([3]);
});

test("the sentence names the most specialised expert of each run", () => {
  const options = {
    experts: 4,
    load: (_: number, layer: number, expert: number) => (layer === 1 && expert === 3 ? 900 : 300),
  };
  const model = relativeLoadModel(
    [{ run: syntheticRun(options), history: { buckets: syntheticBuckets(2, options) } }],
    [0, 1],
  );
  expect(figureSentence(model)).toMatch(
    /^The most specialised: in auxiliary-loss, expert 3 of layer 1 gets \d\.\d\d × its share of \w+\.$/,
  );
});

test("nothing is drawn while steps are on their way; without any, in words", () => {
  expect(stepsState(0, "loading", undefined)).toEqual({ kind: "loading" });
  expect(stepsState(1, "loading", undefined)).toEqual({ kind: "loading" });
  expect(stepsState(0, "ready", undefined)).toMatchObject({
    title: "Nothing to add up",
    text: "No chosen run has a step in this window.",
  });
  expect(stepsState(0, "failed", undefined)).toMatchObject({ text: "The history could not be fetched." });
  expect(stepsState(0, "ready", "status 500")).toMatchObject({ title: "Nothing was fetched", text: "status 500" });
  expect(stepsState(1, "ready", undefined)).toEqual({ kind: "ready" });
});

test("runs that do not fit into one figure are named", () => {
  const source = { run: syntheticRun(), history: { buckets: syntheticBuckets(2) } };
  expect(relativeLoadState([source], [0])).toMatchObject({ experts: 4 });
  const other = { run: syntheticRun({ id: "o", experts: 8 }), history: { buckets: [] } };
  expect(relativeLoadState([source, other], [0])).toMatch(/r has 4 experts and o has 8/);
});
