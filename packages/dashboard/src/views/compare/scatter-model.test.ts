import fc from "fast-check";
import { expect, test } from "vitest";
import { armPair, armsOf } from "./arms.ts";
import { comparedRun, NO_COLOURS, RUNS } from "./comparison.fixture.ts";
import { scatterModel, scatterTable } from "./scatter-model.ts";

function modelOf(runs: typeof RUNS, baseline = "") {
  const arms = armsOf(runs, "strategy", NO_COLOURS);
  return scatterModel(arms, armPair(arms, baseline, ""));
}

const run = (strategy: string, validationMaxViolation: number, validationLoss: number) =>
  comparedRun({ id: `${strategy}-run`, strategy, seed: 0, validationMaxViolation, validationLoss });

test("means and spreads over the runs of an arm, and the axes hold them", () => {
  const { arms, xDomain, yDomain, sentence } = modelOf(RUNS);
  expect(arms[0]!.maxViolation).toMatchObject({
    n: 2,
    mean: expect.closeTo(0.5),
    deviation: expect.closeTo(0.1414, 3),
  });
  expect(arms[1]!.loss).toMatchObject({ n: 3, mean: expect.closeTo(2.02), deviation: expect.closeTo(0.01) });
  expect(xDomain[0]).toBeGreaterThanOrEqual(0);
  expect(xDomain[1]).toBeGreaterThan(0.6414);
  expect(yDomain[0]).toBeLessThan(2.01);
  expect(sentence).toBe(
    "loss-free-bias has 0.30 lower MaxVio at 0.010 lower loss than auxiliary-loss, over 3 and 2 runs.",
  );
  expect(scatterTable(modelOf(RUNS))).toHaveLength(1 + 5);
});

test("runs of different lengths are said to be", () => {
  const longer = { ...RUNS[3]!, lastStep: 99 };
  expect(modelOf([RUNS[0]!, longer]).sentence).toContain("The runs are 8 to 100 steps long.");
});

test("the frontier goes through the arms that no other beats on both counts", () => {
  const { frontier, arms, sentence } = modelOf([
    run("none", 3, 1.7),
    run("sinkhorn", 1, 1.69),
    run("smebu", 0.2, 1.71),
    run("quantile", 0.2, 1.7),
  ]);
  expect(frontier).toEqual([
    { maxViolation: 0.2, loss: 1.7 },
    { maxViolation: 1, loss: 1.69 },
  ]);
  expect(arms.filter(({ onFrontier }) => onFrontier).map(({ arm }) => arm.name)).toEqual(["quantile", "sinkhorn"]);
  expect(sentence).toContain("No arm beats quantile and sinkhorn on both counts.");
});

test("whatever the arms are, one is on the frontier, and along it the loss only falls", () => {
  const value = fc.integer({ min: 1, max: 20 }).map((whole) => whole / 10);
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 8 }), (places) => {
      const { frontier, arms } = modelOf(places.map(([x, y], place) => run(`s${place}`, x, y)));
      expect(frontier.length).toBeGreaterThan(0);
      for (const [place, { loss }] of frontier.slice(1).entries())
        expect(loss).toBeLessThanOrEqual(frontier[place]!.loss);
      for (const { maxViolation, loss, onFrontier } of arms) {
        const beaten = frontier.some((at) => at.maxViolation <= maxViolation.mean && at.loss <= loss.mean);
        expect(beaten).toBe(true);
        if (!onFrontier)
          expect(frontier.some((at) => at.maxViolation < maxViolation.mean || at.loss < loss.mean)).toBe(true);
      }
    }),
  );
});

test("runs that were not evaluated are left out, and that is said", () => {
  const fresh = comparedRun({ id: "n0", strategy: "none", seed: 0 });
  expect(modelOf([...RUNS, fresh]).sentence).toContain("1 run without an evaluation is left out.");
  expect(modelOf([fresh]).sentence).toBe("None of these runs has been evaluated yet.");
  expect(modelOf(RUNS.slice(0, 1)).sentence).toBe("auxiliary-loss has a validation loss of 2.020 at MaxVio 0.40.");
});
