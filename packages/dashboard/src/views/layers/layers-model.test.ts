import { expect, test } from "vitest";
import { syntheticChosen, syntheticStep } from "../../testing/synthetic-run.ts";
import { layersModel, layersSentence, layersTable, readCell, readingSentence } from "./layers-model.ts";

const options = {
  layers: [1, 3],
  experts: 4,
  load: (_: number, layer: number, expert: number) =>
    layer === 3 && expert === 2 ? 0 : layer === 3 && expert === 1 ? 1200 : 600,
};
const chosen = syntheticChosen(options);
const bucket = syntheticStep(9, options);
const model = layersModel(chosen, bucket, "ready");

test("cells are the relative loads of all layers, the dead ones listed", () => {
  expect(model.layers).toEqual([1, 3]);
  expect(model.dead).toEqual([1 * 4 + 2]);
  const load = [0, 1, 2, 3].map((expert) => model.counts[4 + expert]!);
  expect([...model.relative.subarray(4)]).toEqual(load.map((count) => count / (load.reduce((a, b) => a + b) / 4)));
  expect(layersTable([model])).toHaveLength(1 + 8);
});

test("the sentence names the worst layer, its busiest expert and what it gets", () => {
  expect(model.worst).toEqual({ layer: 3, expert: 1 });
  expect(model.sentence).toMatch(
    /^At step 9 layer 3 is the worst: expert 1 gets \d\.\d\d × its share, \d+ % of it (code|docs|maths)\. 1 expert dead\.$/,
  );
});

test("a cell says its count, its relative load and where its tokens come from", () => {
  const reading = readCell(chosen, bucket, 3, 1)!;
  expect(reading.categories.map(({ share }) => share).reduce((a, b) => a + b)).toBeCloseTo(1);
  expect(reading.categories[0]!.share).toBeGreaterThanOrEqual(reading.categories[1]!.share);
  expect(reading.bias).toBeUndefined();
  expect(readingSentence(reading)).toMatch(
    /^Layer 3, expert 1: 1\u202f?200 assignments, \d\.\d\d × its share; \d+ % \w+, \d+ % \w+, \d+ % \w+\.$/,
  );
  expect(readCell(chosen, bucket, 3, 2)).toMatchObject({ dead: true, count: "0" });
  const biased = { ...bucket, layers: bucket.layers!.map((layer) => ({ ...layer, selectionBias: [0, -0.25, 0, 0] })) };
  expect(readCell(chosen, biased, 3, 1)!.bias).toBe("−0.25");
});

test("missing layers and missing steps are missing, not zero", () => {
  const half = layersModel(chosen, { ...bucket, layers: bucket.layers!.slice(0, 1) }, "ready");
  expect(half.relative.subarray(4).every(Number.isNaN)).toBe(true);
  expect(readCell(chosen, { ...bucket, layers: [] }, 1, 0)).toBeUndefined();
  expect(layersModel(chosen, undefined, "ready")).toMatchObject({
    dead: [],
    worst: undefined,
    sentence: "No MoE layer has reported at this step.",
  });
});

test("of several runs the sentence names the one furthest from balance", () => {
  const even = layersModel(
    syntheticChosen({ ...options, load: () => 600, strategy: "loss-free-bias" }),
    syntheticStep(9, { ...options, load: () => 600 }),
    "ready",
  );
  expect(layersSentence([even, model])).toMatch(
    /^auxiliary-loss is furthest from balance, with an expert at \d\.\d\d × its share; 1 expert dead\./,
  );
  expect(layersSentence([model])).toBe(model.sentence);
  expect(layersSentence([layersModel(chosen, undefined, "ready"), layersModel(chosen, undefined, "ready")])).toBe(
    "No MoE layer has reported at this step.",
  );
});

test("a step that is on its way is not said to be missing", () => {
  const late = layersModel(chosen, undefined, "loading");
  expect([late.sentence, layersSentence([late]), layersSentence([model, late])]).toEqual(Array(3).fill("Loading…"));
  const lost = layersModel(chosen, undefined, "failed");
  expect(layersSentence([lost, lost])).toBe("The history could not be fetched.");
  expect(layersSentence([model, lost])).toMatch(/^auxiliary-loss is furthest/);
});
