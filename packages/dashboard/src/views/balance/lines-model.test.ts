import { expect, test } from "vitest";
import { syntheticBuckets, syntheticChosen } from "../../testing/synthetic-run.ts";
import { lossModel, storedModel } from "./lines-model.ts";

const aux = { id: "a", strategy: "auxiliary-loss", startedAt: 1000 };
const free = { id: "f", strategy: "loss-free-bias", startedAt: 5000, loss: (step: number) => 3 / (1 + step) };
const run = (options: typeof aux, count: number, width = 1) => ({
  chosen: syntheticChosen(options, count),
  buckets: syntheticBuckets(count, options, width),
  lead: [],
  status: "ready" as const,
});

test("the loss: means with the extremes of each bucket, on the chosen axis", () => {
  const byStep = lossModel([run(aux, 8, 4)], [], "step", 7);
  expect(byStep.series[0]!.points.map(({ x, firstStep, lastStep }) => [x, firstStep, lastStep])).toEqual([
    [3, 0, 3],
    [7, 4, 7],
  ]);
  const [first] = byStep.series[0]!.points;
  expect(first).toMatchObject({ low: 1, high: 4 });
  expect(first!.y).toBeCloseTo((4 + 2 + 4 / 3 + 1) / 4);
});

test("its sentence compares two runs at the cursor, where both have the step", () => {
  const runs = [run(aux, 8), run(free, 8)];
  expect(lossModel(runs, [], "step", 3).sentence).toBe(
    "auxiliary-loss is at 1.000 at step 3 and loss-free-bias is at 0.750 at step 3: loss-free-bias is 0.250 lower.",
  );
  expect(lossModel([run(aux, 4), run(free, 8)], [], "step", 7).sentence).toBe(
    "auxiliary-loss is at 1.000 at step 3 and loss-free-bias is at 0.375 at step 7.",
  );
  expect(lossModel([], [], "step", 0).sentence).toBe("No loss has arrived for this split yet.");
});

test("while a run is on its way nothing is compared, and what is here is drawn", () => {
  const late = { ...run(free, 0), status: "loading" as const };
  for (const model of [
    lossModel([late], [], "step", -1),
    storedModel([late], "maxViolation", { axis: "step", lines: "mean", step: -1 }),
  ])
    expect(model).toMatchObject({ loading: true, sentence: "Loading…" });
  const half = lossModel([run(aux, 8), late], [], "step", 7);
  expect(half).toMatchObject({ loading: false, sentence: "Loading…" });
  expect(half.series[0]!.points).toHaveLength(8);
  expect(lossModel([run(free, 0)], [], "step", -1)).toMatchObject({
    loading: false,
    sentence: "No loss has arrived for this split yet.",
  });
  const lost = { ...late, status: "failed" as const };
  expect(storedModel([lost], "maxViolation", { axis: "step", lines: "layers", step: -1 }).sentence).toBe(
    "The history could not be fetched.",
  );
  expect(lossModel([run(aux, 8), lost], [], "step", 7).sentence).toBe("auxiliary-loss is at 0.500 at step 7.");
});

test("a NaN loss interrupts the line and is said", () => {
  const options = { ...aux, loss: (step: number) => (step === 2 ? Number.NaN : 2) };
  const model = lossModel([run(options, 4)], [], "step", 2);
  expect(model.series[0]!.points.map(({ y }) => y)).toEqual([2, 2, Number.NaN, 2]);
  expect(model.sentence).toContain("auxiliary-loss is at NaN at step 2");
});

test("MaxVio: the mean over layers with the band from the lowest to the highest, or a line for each layer", () => {
  const options = {
    ...aux,
    experts: 2,
    load: (_: number, layer: number, expert: number) => (expert === 0 ? 600 * (1 + layer) : 600),
  };
  const mean = storedModel([run(options, 4)], "maxViolation", { axis: "step", lines: "mean", step: 3 });
  expect(mean.series).toHaveLength(1);
  expect(mean.series[0]!.points[0]).toMatchObject({ low: expect.closeTo(0, 1), high: expect.closeTo(1 / 3, 1) });
  expect(mean.sentence).toMatch(
    /^Averaged over layers: 0\.\d\d in auxiliary-loss at step 3 \(layer 1 is the worst with 0\.\d\d\)\.$/,
  );
  const spread = storedModel([run(options, 4)], "maxViolation", { axis: "step", lines: "spread", step: 3 }).series[0]!
    .points[0]!;
  expect([spread.low, spread.y, spread.high]).toEqual([
    expect.closeTo(0.0167, 2),
    expect.closeTo(1 / 6, 2),
    expect.closeTo(0.3167, 2),
  ]);
  const each = storedModel([run(options, 4), run(free, 4)], "maxViolation", { axis: "step", lines: "layers", step: 3 });
  expect(each.series.map(({ id, layer }) => [id, layer])).toEqual([
    ["a/0", 0],
    ["a/1", 1],
    ["f/0", 0],
    ["f/1", 1],
  ]);
});

test("zoomed to later steps, the sentence still knows the step at the cursor", () => {
  const { buckets, ...rest } = run(aux, 8);
  const zoomed = { ...rest, lead: buckets.slice(0, 6), buckets: buckets.slice(6) };
  expect(lossModel([zoomed], [], "step", 3).sentence).toBe("auxiliary-loss is at 1.000 at step 3.");
  expect(storedModel([zoomed], "maxViolation", { axis: "step", lines: "mean", step: 3 }).sentence).toContain(
    "at step 3",
  );
});

test("validation stands beside the loss as a broken line, and is said", () => {
  const evaluations = [
    { ...run({ ...free, loss: (_: number) => 2.5 } as typeof aux, 4), chosen: syntheticChosen(aux, 8) },
  ];
  const model = lossModel([run(aux, 8)], evaluations, "step", 7);
  expect(model.series.map(({ id, broken = false }) => [id, broken])).toEqual([
    ["a", false],
    ["a/validation", true],
  ]);
  expect(model.sentence).toBe("auxiliary-loss is at 0.500 at step 7. On validation: 2.500 at step 3.");
});

test("dead experts are counted a step, whatever the bucket", () => {
  const options = {
    ...aux,
    experts: 4,
    load: (_: number, layer: number, expert: number) => (layer === 1 && expert < 2 ? 0 : 900),
  };
  const model = storedModel([run(options, 8, 4)], "deadExperts", { axis: "step", lines: "layers", step: 7 });
  expect(model.series.map(({ points }) => points.map(({ y }) => y))).toEqual([
    [0, 0],
    [2, 2],
  ]);
  expect(model.sentence).toBe(
    "Dead experts a layer: 1.00 in auxiliary-loss at step 7 (layer 1 is the worst with 2.00).",
  );
});
