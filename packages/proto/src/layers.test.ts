import { expect, test } from "vitest";
import { layersOf, v1 } from "./index.ts";

test("a run of protocol 1 has its layers, all alike", () => {
  const layers = layersOf(new v1.RunDescription({ moeLayers: [1, 3], experts: 8, topK: 2 }));
  expect(layers.map((layer) => v1.MoeLayer.toObject(layer, { defaults: true }))).toEqual([
    { index: 1, experts: 8, topK: 2, identityExperts: 0, group: "", expertsChoose: false },
    { index: 3, experts: 8, topK: 2, identityExperts: 0, group: "", expertsChoose: false },
  ]);
});

test("layers described one by one come by index, whatever the fields of protocol 1 say", () => {
  const described = [
    { index: 9, experts: 4, topK: 0, group: "vision" },
    { index: 2, experts: 64, topK: 6, identityExperts: 8 },
  ];
  const layers = layersOf(new v1.RunDescription({ layers: described, moeLayers: [2, 9], experts: 64, topK: 6 }));
  expect(
    layers.map(({ index, experts, topK, identityExperts, group }) => [index, experts, topK, identityExperts, group]),
  ).toEqual([
    [2, 64, 6, 8, ""],
    [9, 4, 0, 0, "vision"],
  ]);
});
