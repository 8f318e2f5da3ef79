import { expect, test } from "vitest";
import { syntheticBuckets, syntheticChosen } from "../../testing/synthetic-run.ts";
import { lineRows, linesTable, lossModel, maxViolationModel } from "./lines-model.ts";

const aux = { id: "a", strategy: "auxiliary-loss", startedAt: 1000 };
const free = { id: "f", strategy: "loss-free-bias", startedAt: 5000, loss: (step: number) => 3 / (1 + step) };
const run = (options: typeof aux, count: number, width = 1) => ({
  chosen: syntheticChosen(options, count),
  buckets: syntheticBuckets(count, options, width),
  status: "ready" as const,
});

test("the loss: means with the extremes of each bucket, on the chosen axis", () => {
  const byStep = lossModel([run(aux, 8, 4)], "step", 7);
  expect(byStep.series[0]!.points.map(({ x, firstStep, lastStep }) => [x, firstStep, lastStep])).toEqual([
    [3, 0, 3],
    [7, 4, 7],
  ]);
  const [first] = byStep.series[0]!.points;
  expect(first).toMatchObject({ low: 1, high: 4 });
  expect(first!.y).toBeCloseTo((4 + 2 + 4 / 3 + 1) / 4);
  expect(byStep.xDomain).toEqual([0, 7]);
  expect(lossModel([run(aux, 8)], "tokens", 7).xDomain).toEqual([1000, 8000]);
  expect(lossModel([run(free, 8)], "time", 7).xDomain).toEqual([500, 4000]);
});

test("its sentence compares two runs at the cursor, where both have the step", () => {
  const runs = [run(aux, 8), run(free, 8)];
  expect(lossModel(runs, "step", 3).sentence).toBe(
    "auxiliary-loss is at 1.000 at step 3 and loss-free-bias is at 0.750 at step 3: loss-free-bias is 0.250 lower.",
  );
  expect(lossModel([run(aux, 4), run(free, 8)], "step", 7).sentence).toBe(
    "auxiliary-loss is at 1.000 at step 3 and loss-free-bias is at 0.375 at step 7.",
  );
  expect(lossModel([], "step", 0).sentence).toBe("No loss has arrived for this split yet.");
});

test("while a run is on its way nothing is compared, and what is here is drawn", () => {
  const late = { ...run(free, 0), status: "loading" as const };
  for (const model of [lossModel([late], "step", -1), maxViolationModel([late], "step", false, -1)])
    expect(model).toMatchObject({ loading: true, sentence: "Loading…" });
  const half = lossModel([run(aux, 8), late], "step", 7);
  expect(half).toMatchObject({ loading: false, sentence: "Loading…", xDomain: [0, 7] });
  expect(lossModel([run(free, 0)], "step", -1)).toMatchObject({
    loading: false,
    sentence: "No loss has arrived for this split yet.",
  });
  const lost = { ...late, status: "failed" as const };
  expect(maxViolationModel([lost], "step", true, -1).sentence).toBe("The history could not be fetched.");
  expect(lossModel([run(aux, 8), lost], "step", 7).sentence).toBe("auxiliary-loss is at 0.500 at step 7.");
});

test("a NaN loss interrupts the line and stays out of the domain", () => {
  const options = { ...aux, loss: (step: number) => (step === 2 ? Number.NaN : 2) };
  const model = lossModel([run(options, 4)], "step", 2);
  expect(model.series[0]!.points.map(({ y }) => y)).toEqual([2, 2, Number.NaN, 2]);
  expect(model.yDomain.every(Number.isFinite)).toBe(true);
  expect(model.sentence).toContain("auxiliary-loss is at NaN at step 2");
  expect(lineRows(model.series)[2]).toEqual({ x: 2, y0: null, band0: null });
});

test("one outlier does not press the lines flat", () => {
  const options = { ...aux, loss: (step: number) => (step === 1 ? 100 : 2 + step / 100) };
  const [low, high] = lossModel([run(options, 64, 32)], "step", 63).yDomain;
  expect(low).toBeLessThanOrEqual(2.48);
  expect(high).toBeLessThan(12);
});

test("MaxVio: the mean over layers with the band from the lowest to the highest, or a line for each layer", () => {
  const options = {
    ...aux,
    experts: 2,
    load: (_: number, layer: number, expert: number) => (expert === 0 ? 600 * (1 + layer) : 600),
  };
  const mean = maxViolationModel([run(options, 4)], "step", false, 3);
  expect(mean.series).toHaveLength(1);
  expect(mean.series[0]!.points[0]).toMatchObject({ low: expect.closeTo(0, 1), high: expect.closeTo(1 / 3, 1) });
  expect(mean.yDomain[0]).toBe(0);
  expect(mean.sentence).toMatch(
    /^Averaged over layers: 0\.\d\d in auxiliary-loss at step 3 \(layer 1 is the worst with 0\.\d\d\)\.$/,
  );
  const each = maxViolationModel([run(options, 4), run(free, 4)], "step", true, 3);
  expect(each.series.map(({ id, layer }) => [id, layer])).toEqual([
    ["a/0", 0],
    ["a/1", 1],
    ["f/0", 0],
    ["f/1", 1],
  ]);
});

test("rows for Recharts hold every x once, and the table every point", () => {
  const model = lossModel([run(aux, 4), run(free, 8, 4)], "step", 7);
  expect(lineRows(model.series).map(({ x }) => x)).toEqual([0, 1, 2, 3, 7]);
  expect(lineRows(model.series)[3]).toMatchObject({ y0: 1, band0: [1, 1], band1: [0.75, 3] });
  expect(linesTable(model)).toHaveLength(1 + 4 + 2);
});
