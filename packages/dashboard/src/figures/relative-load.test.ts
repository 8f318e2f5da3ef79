import { readFileSync, writeFileSync } from "node:fs";
import { sumHistograms } from "@moescope/metrics";
import { describe, expect, test } from "vitest";
import { type SyntheticOptions, syntheticBuckets, syntheticRun } from "../testing/synthetic-run.ts";
import { cellAt, relativeLoadLayout } from "./relative-load-layout.ts";
import { relativeLoadCsv, relativeLoadModel } from "./relative-load-model.ts";
import { renderRelativeLoad } from "./render.ts";
import { lastTenth, spreadLayers } from "./run-steps.ts";

const load = (sharpness: number) => (_: number, layer: number, expert: number) =>
  expert === (3 * layer + 1) % 16 ? 1200 * sharpness : expert === 7 && layer === 1 ? 0 : 300;
const auxiliary: SyntheticOptions = {
  id: "aux",
  strategy: "auxiliary-loss",
  experts: 16,
  layers: [0, 1, 2],
  load: load(1),
};
const lossFree: SyntheticOptions = {
  id: "free",
  strategy: "loss-free-bias",
  experts: 16,
  layers: [0, 1, 2],
  load: load(6),
};
const source = (options: SyntheticOptions) => ({
  run: syntheticRun(options),
  history: { run: options.id!, buckets: syntheticBuckets(4, options) },
});
const model = relativeLoadModel([source(lossFree), source(auxiliary)], [0, 2]);

describe("the model", () => {
  test("auxiliary loss stands above loss-free, layer by layer", () => {
    expect(model.layers.map(({ layer, panels }) => [layer, panels.map(({ run }) => run)])).toEqual([
      [0, ["aux", "free"]],
      [2, ["aux", "free"]],
    ]);
  });

  test("R = c / (K·T/E) of the counts added up over the window", () => {
    const { rows } = model.layers[1]!.panels[0]!;
    const loads = syntheticBuckets(4, auxiliary).map(({ layers }) => layers![2]!.categories![1]!);
    const counts = sumHistograms(loads.map(({ counts }) => counts!));
    const tokens = loads.reduce((sum, each) => sum + each.tokens!, 0);
    expect(rows[1]).toMatchObject({ category: "docs", tokens, counts: [...counts] });
    for (const [expert, value] of rows[1]!.relative.entries())
      expect(value).toBeCloseTo(counts[expert]! / ((2 * tokens) / 16), 12);
  });

  test("a category without tokens has no numbers", () => {
    const { run, history } = source(auxiliary);
    for (const { layers } of history.buckets) for (const layer of layers!) layer.categories!.pop();
    const row = relativeLoadModel([{ run, history }], [0]).layers[0]!.panels[0]!.rows[2]!;
    expect(row).toEqual({ category: "maths", tokens: 0, counts: [], relative: [] });
  });

  test("runs that do not fit together are refused with both values", () => {
    expect(() => relativeLoadModel([source(auxiliary), source({ ...lossFree, experts: 8 })], [0])).toThrow(
      /aux has 16 experts and free has 8/,
    );
    const other = source(lossFree);
    other.run.categories = ["text"];
    expect(() => relativeLoadModel([source(auxiliary), other], [0])).toThrow(/code, docs, maths.*free \(text\)/);
    expect(() => relativeLoadModel([], [0])).toThrow(/at least one run/);
  });

  test("two runs of one strategy are told apart by their ids", () => {
    const twice = relativeLoadModel([source(auxiliary), source({ ...auxiliary, id: "again" })], [0]);
    expect(twice.layers[0]!.panels.map(({ label }) => label)).toEqual([
      "auxiliary-loss (aux)",
      "auxiliary-loss (again)",
    ]);
  });

  test("default window and layers", () => {
    expect([lastTenth(299), lastTenth(0), lastTenth(7)]).toEqual([
      [270, 299],
      [0, 0],
      [7, 7],
    ]);
    expect([spreadLayers([1, 2, 3, 4]), spreadLayers([0, 1]), spreadLayers([5]), spreadLayers([])]).toEqual([
      [1, 2, 4],
      [0, 1],
      [5],
      [],
    ]);
  });
});

describe("the drawing", () => {
  const svg = renderRelativeLoad(relativeLoadModel([source(lossFree), source(auxiliary)], [0, 1, 2]));

  /** `UPDATE_GOLDEN=1` writes it anew; look at the picture before committing it. */
  test("is byte for byte the golden file", () => {
    const golden = new URL("../../golden/relative-load.svg", import.meta.url);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, svg);
    expect(svg).toBe(readFileSync(golden, "utf8"));
  });

  test("has title, legend, axes and caption, and few elements", () => {
    for (const text of [
      "Relative expert load by token category",
      "relative expert load",
      "expert</text>",
      "Layer 2",
      "maths",
      "K·T/E",
    ])
      expect(svg).toContain(text);
    expect(svg.match(/<path/g)!.length).toBeLessThan(120);
    expect(svg).not.toContain("NaN");
  });

  test("every cell can be pointed at, and nothing beside them", () => {
    for (const width of [undefined, 230]) {
      const layout = relativeLoadLayout(model, width);
      const { x, y, panel } = layout.panels[3]!;
      expect(cellAt(layout, x + 4.5 * layout.cellWidth, y + 1.5 * layout.cellHeight)).toEqual({
        panel,
        row: 1,
        expert: 4,
      });
      expect(cellAt(layout, x - 2, y + 2)).toBeUndefined();
      expect(cellAt(layout, x + 16 * layout.cellWidth + 1, y + 2)).toBeUndefined();
    }
  });
});

test("the CSV has one line a cell, and the numbers of the model", () => {
  const lines = relativeLoadCsv(model).trimEnd().split("\r\n");
  expect(lines).toHaveLength(1 + 2 * 2 * 3 * 16);
  expect(lines[0]).toBe("run,label,layer,first_step,last_step,category,tokens,expert,count,relative_load");
  const { tokens, counts, relative } = model.layers[0]!.panels[0]!.rows[0]!;
  expect(lines[2]).toBe(`aux,auxiliary-loss,0,0,3,code,${tokens},1,${counts[1]},${relative[1]}`);
});
