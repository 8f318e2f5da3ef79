import { readFileSync, writeFileSync } from "node:fs";
import type { v1 } from "@moescope/proto";
import { describe, expect, test } from "vitest";
import { type SyntheticOptions, syntheticBuckets, syntheticRun } from "../testing/synthetic-run.ts";
import { attentionByTokenBars, attentionByTokenCsv, attentionByTokenModel } from "./attention-by-token-model.ts";
import { barAt, barPanelsLayout, groupFrames } from "./bar-panels-layout.ts";
import { type BarPanelsModel, wholePercentages } from "./bar-panels-model.ts";
import { LETTER_WIDTH } from "./caption.ts";
import { headsByBinBars, headsByBinCsv, headsByBinModel } from "./heads-by-bin-model.ts";
import { modalityByExpertBars, modalityByExpertCsv, modalityByExpertModel } from "./modality-by-expert-model.ts";
import { modalityShareBars, modalityShareCsv, modalityShareModel } from "./modality-share-model.ts";
import { niceCeiling } from "./nice-ceiling.ts";
import { renderBarPanels } from "./render.ts";
import { seriesColours } from "./series-colours.ts";

const options: SyntheticOptions = {
  id: "two",
  strategy: "loss-free-bias",
  experts: 8,
  layers: [1, 2, 3],
  load: (_, layer, expert) => (expert === 5 && layer === 2 ? 0 : 120 * (1 + ((3 * expert + layer) % 4))),
};
const bimodal = {
  run: { ...syntheticRun(options), categories: ["image", "text"] },
  history: { buckets: syntheticBuckets(3, options).map(withoutThird) },
};

function withoutThird(bucket: v1.StepBucket.$Properties): v1.StepBucket.$Properties {
  const layers = bucket.layers!.map((layer) => ({ ...layer, categories: layer.categories!.slice(0, 2) }));
  return { ...bucket, layers };
}

/** Head h of layer l follows pattern (l + h) mod 5 alone. */
const heads: v1.HeadProfile.$Properties[] = [0, 1, 2, 3, 4, 5].flatMap((layer) =>
  [0, 1, 2].map((head) => {
    const scores = ["previousToken", "firstToken", "induction", "local", "broad"];
    return { layer, head, [scores[(layer + head) % 5]!]: 0.9 };
  }),
);
const probe = (share: number): v1.Probe.$Properties => ({
  step: 40,
  heads,
  attention: [0, 1, 2].flatMap((layer) =>
    [-1, 0].map((head) => ({
      layer,
      head,
      tokenClass: ["#", "*", "whitespace", "other"],
      share: [share, 0.02 * (layer + 1), 0.1, 0.88 - share - 0.02 * layer],
    })),
  ),
  scalars: ["#", "*", "whitespace"].map((name) => ({ name: `attention/uniform/${name}`, value: 0.05 })),
});
const base = { run: syntheticRun({ id: "base" }), probe: probe(0.05) };
const child = { run: { ...syntheticRun({ id: "child" }), parent: "base" }, probe: probe(0.21) };

const figures: Record<string, BarPanelsModel> = {
  "modality-by-expert": modalityByExpertBars(modalityByExpertModel(bimodal, [1, 2, 3])),
  "modality-share": modalityShareBars(modalityShareModel(bimodal, [1, 2, 3])),
  "attention-by-token": attentionByTokenBars(attentionByTokenModel([child, base], [0, 1, 2])),
  "heads-by-bin": headsByBinBars(headsByBinModel([base], 3)),
};

describe.each(Object.entries(figures))("%s", (name, model) => {
  const svg = renderBarPanels(model);

  /** `UPDATE_GOLDEN=1` writes it anew; look at the picture before committing it. */
  test("is byte for byte the golden file", () => {
    const golden = new URL(`../../golden/${name}.svg`, import.meta.url);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, svg);
    expect(svg).toBe(readFileSync(golden, "utf8"));
  });

  test("has title, legend, axes and caption, and no number that is none", () => {
    for (const text of [model.title, model.values.title, model.groupTitle, ...model.series.map(({ name }) => name)])
      expect(svg).toContain(`>${text.replaceAll("'", "&#x27;")}</text>`);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("every bar stays in its panel, beside the others, and can be pointed at", () => {
    for (const width of [undefined, 360]) {
      const layout = barPanelsLayout(model, width);
      for (const bar of layout.bars) {
        const { top, base } = layout.panels[bar.panel]!;
        for (const { x, y, width: w, height } of bar.segments) {
          expect(y).toBeGreaterThanOrEqual(top - 0.2);
          expect(y + height).toBeLessThanOrEqual(base + 0.2);
          expect(barAt(layout, x + w / 2, y + height / 2)?.bar).toBe(bar);
        }
      }
      const inOrder = layout.bars.filter(({ panel }) => panel === 0);
      for (const [place, bar] of inOrder.slice(1).entries()) {
        expect(bar.x).toBeGreaterThanOrEqual(inOrder[place]!.x + inOrder[place]!.width - 0.11);
      }
      expect(inOrder.at(-1)!.x).toBeLessThan(layout.plot.x + layout.plot.width);
      expect(barAt(layout, layout.plot.x - 5, layout.panels[0]!.base - 1)).toBeUndefined();
    }
  });
});

describe("modality-by-expert", () => {
  const model = modalityByExpertModel(bimodal, [1, 2, 3]);

  test("percentages of a category add up to 100 in each layer, and are n_e / Σ n", () => {
    for (const { percentages, counts } of model.layers) {
      for (const [place, row] of percentages.entries()) {
        expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(100, 10);
        const total = counts[place]!.reduce((sum, count) => sum + count, 0);
        for (const [expert, value] of row.entries())
          expect(value).toBeCloseTo((100 * counts[place]![expert]!) / total, 10);
      }
    }
  });

  test("counts are those of all steps", () => {
    const sent = bimodal.history.buckets.map(({ layers }) => layers![1]!.categories![0]!.counts![2]!);
    expect(model.layers[1]!.counts[0]![2]).toBe(sent.reduce((sum, count) => sum + count, 0));
  });

  test("every expert stands on the axis, in each layer, however many there are", () => {
    const many = { ...options, experts: 96 };
    const run = { ...syntheticRun(many), categories: ["image", "text"] };
    const bars = modalityByExpertBars(
      modalityByExpertModel({ run, history: { buckets: syntheticBuckets(1, many).map(withoutThird) } }, [1]),
    );
    expect(bars.panels[0]!.groups.map(({ label }) => label)).toEqual(
      Array.from({ length: 96 }, (_, expert) => String(expert)),
    );
    const layout = barPanelsLayout(bars);
    expect(layout.turned).toBe(true);
    expect(layout.panels[0]!.groupLabels[1]!.x - layout.panels[0]!.groupLabels[0]!.x).toBeGreaterThanOrEqual(9.9);
  });

  test("a followed expert is framed in every panel: all its bars, as high as the panel", () => {
    const layout = barPanelsLayout(modalityByExpertBars(model));
    const isFramed = ({ group }: { group: number }) => group === 2;
    const bars = layout.bars.filter(isFramed);
    const [from, to] = [bars[0]!.x - 2, bars[1]!.x + bars[1]!.width + 2];
    expect(groupFrames(layout, isFramed)).toBe(
      layout.panels.map(({ top, base }) => `M${from} ${base}V${top}H${to}V${base}Z`).join(""),
    );
    expect(groupFrames(layout, () => false)).toBe("");
  });

  test("a run without steps draws empty panels", () => {
    const empty = modalityByExpertModel({ run: bimodal.run, history: {} }, [1]);
    expect(empty.caption).toContain("no steps");
    expect(renderBarPanels(modalityByExpertBars(empty))).not.toContain("NaN");
  });

  test("the CSV has one line for each bar", () => {
    const lines = modalityByExpertCsv(model).trimEnd().split("\r\n");
    expect(lines).toHaveLength(1 + 3 * 2 * 8);
    expect(lines[0]).toBe("run,layer,category,expert,count,percent_of_category");
  });
});

describe("modality-share", () => {
  const model = modalityShareModel(bimodal, [1, 2, 3]);

  test("text first; each expert once; sorted by its share; the one without tokens last", () => {
    expect(model.categories).toEqual(["text", "image"]);
    for (const { layer, experts } of model.layers) {
      expect(experts.map(({ expert }) => expert).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      const shares = experts.map(({ percentages }) => percentages[0]!).filter((share) => !Number.isNaN(share));
      expect(shares).toEqual(shares.toSorted((a, b) => b - a));
      expect(experts.at(-1)!.percentages.every(Number.isNaN)).toBe(layer === 2);
    }
    expect(model.layers[1]!.experts.at(-1)!.expert).toBe(5);
  });

  test("a bar adds up to 100, of categories that weigh the same", () => {
    const total = (place: number) => model.layers[0]!.experts.reduce((sum, { counts }) => sum + counts[place]!, 0);
    for (const { counts, percentages } of model.layers[0]!.experts) {
      const [text, image] = [counts[0]! / total(0), counts[1]! / total(1)];
      expect(percentages[0]).toBeCloseTo((100 * text) / (text + image), 10);
      expect(percentages[0]! + percentages[1]!).toBeCloseTo(100, 10);
    }
  });

  test("the CSV has one line for each segment", () => {
    expect(modalityShareCsv(model).trimEnd().split("\r\n")).toHaveLength(1 + 3 * 8 * 2);
  });
});

describe("attention-by-token", () => {
  const model = attentionByTokenModel([child, base], [0, 1, 2]);

  test("the parent stands before its child; `other` is left out; the mean of all heads counts", () => {
    expect(model.runs.map(({ run }) => run)).toEqual(["base", "child"]);
    expect(model.classes).toEqual(["#", "*", "whitespace"]);
    expect(model.runs[1]!.layers[2]!.percentages).toEqual([21, 6, 10].map((value) => expect.closeTo(value, 5)));
    expect(model.runs[0]!.uniform).toBeCloseTo(15, 10);
    expect(model.caption).toContain("A: base name, step 40; B: child name, step 40");
  });

  test("a run that was not probed is named", () => {
    expect(() => attentionByTokenModel([base, { run: syntheticRun({ id: "none" }), probe: {} }], [0])).toThrow(
      /probed in none/,
    );
  });

  test("the CSV has one line for each segment", () => {
    expect(attentionByTokenCsv(model).trimEnd().split("\r\n")).toHaveLength(1 + 2 * 3 * 3);
  });
});

describe("heads-by-bin", () => {
  test("bins cover the layers, heads are counted once, percentages add up to 100", () => {
    const { bins, runs } = headsByBinModel([base], 4);
    expect(bins).toEqual([
      { first: 0, last: 0 },
      { first: 1, last: 2 },
      { first: 3, last: 3 },
      { first: 4, last: 5 },
    ]);
    expect(runs[0]!.bins.flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0)).toBe(heads.length);
    for (const { percentages } of runs[0]!.bins) expect(percentages.reduce((sum, value) => sum + value, 0)).toBe(100);
    expect(headsByBinModel([base], 99).bins).toHaveLength(6);
  });

  test("the parent stands before its child, as in attention-by-token", () => {
    expect(headsByBinModel([child, base]).runs.map(({ run }) => run)).toEqual(["base", "child"]);
  });

  test("labels keep out of the bars beside: on a narrow sheet they are turned, or left to the pointer", () => {
    const two = headsByBinBars(headsByBinModel([child, base], 4));
    for (const width of [undefined, 360]) {
      const layout = barPanelsLayout(two, width);
      const labels = layout.bars.flatMap(({ segments }) => segments.flatMap(({ label }) => label ?? []));
      expect(labels.some(({ turned }) => turned)).toBe(width === 360);
      for (const [place, { x, width: bar, segments }] of layout.bars.entries()) {
        const next = layout.bars[place + 1]?.x ?? layout.width;
        for (const { label, height } of segments) {
          if (label?.turned) expect(label.text.length * LETTER_WIDTH).toBeLessThan(height);
          else if (label?.inside) expect(label.text.length * LETTER_WIDTH).toBeLessThanOrEqual(bar);
          else if (label) expect(x + bar + label.text.length * LETTER_WIDTH).toBeLessThanOrEqual(next + 0.2);
        }
      }
    }
  });

  test("runs that do not fit together, or were not probed, are named", () => {
    const shallow = { run: syntheticRun({ id: "shallow" }), probe: { heads: heads.slice(0, 3) } };
    expect(() => headsByBinModel([base, shallow])).toThrow(/base and shallow have different layers/);
    expect(() => headsByBinModel([{ run: syntheticRun({ id: "none" }), probe: {} }])).toThrow(
      /no heads were probed in none/,
    );
  });

  test("the CSV has counts and percentages", () => {
    const lines = headsByBinCsv(headsByBinModel([base], 2))
      .trimEnd()
      .split("\r\n");
    expect(lines).toHaveLength(1 + 2 * 5);
    expect(lines[1]).toBe("base,40,0,2,previous-token,1,11");
  });
});

test("whole percentages add up to 100 and lose less than one each", () => {
  expect(wholePercentages([1, 1, 1])).toEqual([34, 33, 33]);
  expect(wholePercentages([0, 0])).toEqual([0, 0]);
  for (let seed = 1; seed < 23; seed++) {
    const counts = Array.from({ length: 5 }, (_, place) => (seed * (place + 3) * 7919) % 23);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const whole = wholePercentages(counts);
    expect(whole.reduce((sum, value) => sum + value, 0)).toBe(100);
    for (const [place, value] of whole.entries())
      expect(Math.abs(value - (100 * counts[place]!) / total)).toBeLessThan(1);
  }
});

test("axes end at the next round number", () => {
  expect([0, 0.9, 1, 12, 26, 41, 99, 100, Number.NaN].map(niceCeiling)).toEqual([1, 1, 1, 20, 40, 50, 100, 100, 1]);
});

test("text is orange and images are green, and no other name looks like them", () => {
  expect(seriesColours(["image", "text"])).toEqual(["#009e73", "#e69f00"]);
  const colours = seriesColours(["text", "code", "docs", "image", "maths"]);
  expect(new Set(colours).size).toBe(5);
});
