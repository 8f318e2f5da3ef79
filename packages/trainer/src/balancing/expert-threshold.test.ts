import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { aboveThreshold, expertThreshold, thresholds } from "./expert-threshold.ts";
import { goldenLogits, goldenRouting } from "./golden-routing.fixture.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

const { defaults } = expertThreshold;

describe("expert-threshold", () => {
  strategyCases("expert-threshold", { improves: true, varies: true });

  test("experts choose in the first batch; then every logit at or above the threshold is a choice, and no other", () => {
    const strategy = expertThreshold.create(defaults, smallRun);
    const chosen = (training: boolean) =>
      tf.tidy(() => {
        const { chosen_TE, context } = goldenRouting({ strategy, training });
        expect(context.step).toBe(0);
        return chosen_TE.arraySync() as number[][];
      });
    const perExpert = (rows: number[][]) => rows[0]!.map((_, e) => rows.reduce((sum, row) => sum + row[e]!, 0));
    expect(perExpert(chosen(true))).toEqual(new Array(8).fill(3));
    const logits = tf.tidy(() => goldenLogits().arraySync());
    const measured = logits[0]!.map((_, e) => logits.map((row) => row[e]!).sort((a, b) => b - a)[3]!);
    strategy.afterStep!([{ loads: [], meanProbability: [], measured }], 0);
    // In evaluation, because the fixture is always of step 0, at which experts choose.
    const evaluated = chosen(false);
    expect(evaluated).toEqual(logits.map((row) => row.map((logit, e) => Number(logit >= Math.fround(measured[e]!)))));
    expect(new Set(evaluated.map((row) => row.reduce((a, b) => a + b, 0))).size).toBeGreaterThan(2);
  });

  test("choices are best first, and a token may have none", () => {
    const choice = tf.tidy(() =>
      aboveThreshold(
        tf.tensor2d([
          [1, 3, 2],
          [0, 0, 0],
          [0, 1, 5],
        ]),
        Float32Array.of(1, 1, 3),
      ).arraySync(),
    );
    expect(choice).toEqual([
      [1, 0],
      [-1, -1],
      [2, 1],
    ]);
  });

  test("after one batch the thresholds are those of the batch, whatever the decay", () => {
    const average = Float32Array.of(3, -2).map((cutoff) => 0.01 * cutoff);
    const [first, second] = thresholds(average, 0.99, 1);
    expect(first).toBeCloseTo(3, 4);
    expect(second).toBeCloseTo(-2, 4);
  });

  test("a run's layers are described with a top-k of 0, and its tokens have K experts on average", async () => {
    const { layers, steps, recipe } = await trainBriefly({ strategy: "expert-threshold", steps: 40 });
    expect(layers.map(({ topK }) => topK)).toEqual([0, 0]);
    const late = steps.slice(-10).flatMap(({ histograms }) => histograms.flatMap(({ categories }) => categories!));
    const sum = (of: (category: (typeof late)[0]) => number) => late.reduce((total, one) => total + of(one), 0);
    const perToken = sum(({ assignments }) => assignments!) / sum(({ tokens }) => tokens!);
    expect(Math.abs(perToken / recipe.model.topK - 1)).toBeLessThan(0.25);
  });

  test.each([
    [{ decay: 1 }, /balancing.decay is 1; allowed are numbers from 0 to below 1/],
    [{ warmupSteps: 0 }, /balancing.warmupSteps is 0; allowed are whole numbers from 1/],
  ])("refuses %j", (options, says) => {
    expect(() => expertThreshold.create({ ...defaults, ...options }, smallRun)).toThrow(says);
  });
});
