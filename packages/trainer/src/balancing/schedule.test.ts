import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { createStrategy, definitionOf } from "./combination.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { strategies } from "./index.ts";
import { constantSchedule, paceOf } from "./schedule.ts";
import { smallRun } from "./strategy.cases.ts";

await openBackend();

describe("the pace of a run of ten steps", () => {
  test.each([
    ["constant", 0, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ["constant", 0.4, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]],
    ["linear", 0.4, [0.25, 0.5, 0.75, 1, 1, 0.84, 0.68, 0.52, 0.36, 0.2]],
    ["cosine", 0, [1, 0.9759, 0.9064, 0.8, 0.6695, 0.5305, 0.4, 0.2936, 0.2241, 0.2]],
  ])("%s, warm-up %d", (schedule, warmup, expected) => {
    const pace = paceOf({ schedule, warmup, finalShare: 0.2 }, 10);
    expected.forEach((value, step) => {
      expect(pace(step)).toBeCloseTo(value, 4);
    });
  });

  test("rises, then falls, from above 0 to the final share, whatever the run", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom("linear", "cosine"), share, share, fc.integer({ min: 1, max: 200 }), (...given) => {
        const [schedule, warmup, finalShare, steps] = given;
        const pace = paceOf({ schedule, warmup, finalShare }, steps);
        const all = Array.from({ length: steps }, (_, step) => pace(step));
        const rise = Math.round(warmup * steps);
        all.forEach((value, step) => {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
          if (step > 0 && step < rise) expect(value).toBeGreaterThan(all[step - 1]!);
          if (step > rise) expect(value).toBeLessThanOrEqual(all[step - 1]!);
        });
        if (steps - rise > 1) expect(all.at(-1)).toBeCloseTo(finalShare, 9);
      }),
    );
  });
});

test("every strategy with a coefficient or a speed has a schedule, and no other has", () => {
  const has = (name: string) => Object.hasOwn(definitionOf(name).defaults, "schedule");
  const named = Object.keys(strategies).filter((name) => {
    return Object.keys(strategies[name]!.defaults).some((option) =>
      /coefficient$|^speed$|^importance$|^orthogonality$/i.test(option),
    );
  });
  expect(Object.keys(strategies).filter(has).sort()).toEqual(named.sort());
  const ofHash = () => resolveRecipe({ recipe: "demo", strategy: "hash", settings: ["balancing.schedule=linear"] });
  expect(ofHash).toThrow(/Unknown setting "balancing.schedule"/);
});

test.each(["auxiliary-loss", "z-loss", "simbal", "auxiliary-loss+z-loss"])("the loss of %s is scaled", async (name) => {
  const first = async (...settings: string[]) => {
    return (await trainBriefly({ strategy: name, steps: 4, settings })).steps[0]!.balanceLoss;
  };
  const whole = await first();
  expect((await first("balancing.warmup=1")) / whole).toBeCloseTo(0.25, 5);
  expect(await first("balancing.schedule=linear")).toBe(whole);
});

test.each([
  [true, 0.25],
  [false, 1],
])("a loss in training (%s) is %d of itself at the first of four steps of warm-up", (training, share) => {
  const loss = (options: object) => {
    const all = { ...definitionOf("auxiliary-loss").defaults, ...options };
    const { layerLoss } = createStrategy("auxiliary-loss", all, { ...smallRun, steps: 4 });
    return tf.tidy(() => layerLoss!(goldenRouting({ training })).dataSync()[0]!);
  };
  expect(loss({ warmup: 1 }) / loss({})).toBeCloseTo(share, 5);
});

test.each(["loss-free-bias", "deepseek-v3", "longcat", "loss-free-bias+z-loss"])(
  "the bias of %s moves at the speed of each step",
  (name) => {
    const after = (options: object) => {
      const run = { ...smallRun, identityExperts: name === "longcat" ? 2 : 0, steps: 4 };
      const strategy = createStrategy(name, { ...definitionOf(name).defaults, ...options }, run);
      const loads = [10, 2, 2, 2, 2, 2, 2, 2];
      for (let step = 0; step < 4; step++) strategy.afterStep!([{ loads, meanProbability: [] }], step);
      return strategy.selectionBias!(0)[0]!;
    };
    // Four whole steps, and 1 + 2/3 + 1/3 + 0.
    expect(after({ schedule: "linear" }) / after({})).toBeCloseTo(0.5, 5);
    expect(after({ warmup: 1 }) / after({})).toBeCloseTo((0.25 + 0.5 + 0.75 + 1) / 4, 5);
  },
);

test("SMEBU's momentum is of moves at the speed of their step", () => {
  const after = (options: object) => {
    const run = { ...smallRun, steps: 2 };
    const strategy = createStrategy("smebu", { ...definitionOf("smebu").defaults, ...options }, run);
    for (let step = 0; step < 2; step++)
      strategy.afterStep!([{ loads: [9, 1, 1, 1, 1, 1, 1, 1], meanProbability: [] }], step);
    return strategy.selectionBias!(0)[0]!;
  };
  // With β = ½ the first move counts ½ + ¼, the second ½; at a warm-up of both steps they are half and whole.
  expect(after({ warmup: 1 }) / after({})).toBeCloseTo((0.75 / 2 + 0.5) / 1.25, 5);
});

test.each([
  [{ schedule: "step" }, /balancing.schedule is "step"; allowed: constant, linear, cosine/],
  [{ warmup: 2 }, /balancing.warmup is 2; allowed are numbers from 0 to 1/],
  [{ finalShare: -1 }, /balancing.finalShare is -1; allowed are numbers from 0 to 1/],
])("refuses %j", (options, says) => {
  expect(() => paceOf({ ...constantSchedule, ...options }, 10)).toThrow(says);
});
