import { expect, test } from "vitest";
import { syntheticChosen, syntheticStep } from "../../testing/synthetic-run.ts";
import { layersModel } from "./layers-model.ts";
import { layersPanes, panesTable } from "./panes-model.ts";

/** In run "b", and later in run "a", expert 1 of layer 3 takes what expert 0 had. */
const loads = (late: boolean) => ({
  layers: [1, 3],
  experts: 4,
  load: (_: number, layer: number, expert: number) =>
    layer === 3 && late && expert < 2 ? (expert === 1 ? 1200 : 0) : 600,
});
const modelOf = (id: string, step: number, late: boolean) => {
  const options = { id, strategy: id, ...loads(late) };
  return layersModel(syntheticChosen(options), syntheticStep(step, options), "ready");
};
const a = modelOf("a", 5, false);
const b = modelOf("b", 5, true);

test("relative and absolute cells are the run's own, absolute ones on one scale", () => {
  const relative = layersPanes("relative", [a, b], []);
  expect(relative.scale).toEqual({ kind: "relative" });
  expect(relative.panes.map(({ values }) => values)).toEqual([a.relative, b.relative]);
  expect(relative.panes[1]!.dead).toEqual([4]);
  const absolute = layersPanes("absolute", [a, b], []);
  expect(absolute.scale).toEqual({ kind: "absolute", most: 1200 });
  expect(absolute.panes[1]!.values[5]).toBe(1200);
});

test("runs are compared with the first one, cell by cell", () => {
  const { panes, scale, sentence } = layersPanes("runs", [a, b], []);
  expect(panes.map(({ run }) => run.id)).toEqual(["b"]);
  const rounded = Array.from(panes[0]!.values, (value) => Math.round(value * 100) / 100 + 0);
  expect(rounded).toEqual([0, 0, 0, 0, -1, 1, 0, 0]);
  expect(scale).toEqual({ kind: "difference", limit: expect.closeTo(1, 2) });
  expect(panes[0]!.detail).toBe("step 5 less a, step 5");
  expect(sentence).toMatch(
    /^The largest difference is at layer 3, expert [01]: it gets \d\.\d\d × its share (less|more) in b than in a\.$/,
  );
  expect(layersPanes("runs", [a], []).sentence).toContain("needs two of them");
  expect(panesTable(panes)[5]!.slice(0, 8)).toEqual(["b", 5, 5, "a", 5, 5, 3, 0]);
});

test("steps of a run are compared with an earlier one", () => {
  const { panes, sentence } = layersPanes("steps", [modelOf("a", 9, true)], [a]);
  expect(panes[0]!.detail).toBe("step 9 less step 5");
  expect(sentence).toMatch(/^The largest difference is at layer 3, expert [01]: .* at step 9 than at step 5 in a\.$/);
});

test("what cannot be subtracted is missing, and said", () => {
  const options = { id: "c", strategy: "c", layers: [1, 3], experts: 8 };
  const other = layersModel(syntheticChosen(options), syntheticStep(5, options), "ready");
  const { panes } = layersPanes("runs", [a, other], []);
  expect(panes[0]!.values.every(Number.isNaN)).toBe(true);
  expect(panes[0]!.sentence).toBe("c has 8 experts a layer and a 4: there is no difference to show.");
  const late = layersModel(syntheticChosen({ id: "b", ...loads(true) }), undefined, "loading");
  expect(layersPanes("runs", [a, late], []).sentence).toBe("Loading…");
  const half = { id: "d", strategy: "d", layers: [3, 5], experts: 4 };
  const partly = layersModel(syntheticChosen(half), syntheticStep(5, half), "ready");
  expect(layersPanes("runs", [a, partly], []).panes[0]!.values.findIndex(Number.isNaN)).toBe(4);
});
