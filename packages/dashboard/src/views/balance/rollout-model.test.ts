import fc from "fast-check";
import { expect, test } from "vitest";
import type { Bucket } from "../../data/bucket.ts";
import { syntheticBuckets, syntheticChosen } from "../../testing/synthetic-run.ts";
import { agreementText, rolloutModel } from "./rollout-model.ts";

const options = { id: "a", strategy: "auxiliary-loss", startedAt: 1000 };

/** @param shares of each step, a number for each layer */
function compared(shares: readonly (readonly number[])[]) {
  const buckets = syntheticBuckets(shares.length, options).map((bucket, step): Bucket => {
    const scalars = shares[step]!.flatMap((share, layer) => [scalar(`rollout/overlap/${layer}`, share)]);
    return { ...bucket, scalars: [scalar("rollout/overlap", 0.123), scalar("rollout/differ/1", 0.4), ...scalars] };
  });
  return { chosen: syntheticChosen(options, shares.length), buckets, lead: [], status: "ready" as const };
}

function scalar(name: string, value: number) {
  return { name, values: 1, sum: value, first: value, min: value, max: value, last: value, nanValues: 0 };
}

test("the mean of the layers' own shares with the lowest and highest, or a line for each layer", () => {
  const steps = fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 2 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(steps, (shares) => {
      const runs = [compared(shares)];
      const [mean] = rolloutModel(runs, "rollout/overlap", { axis: "step", lines: "mean", step: 9 }).series;
      for (const [step, { y, low, high }] of mean!.points.entries()) {
        const [a, b] = shares[step] as [number, number];
        expect(y).toBeCloseTo((a + b) / 2);
        expect([low, high]).toEqual([Math.min(a, b), Math.max(a, b)]);
      }
      const each = rolloutModel(runs, "rollout/overlap", { axis: "step", lines: "layers", step: 9 }).series;
      expect(each.map(({ points }) => points.map(({ y }) => y))).toEqual(
        [0, 1].map((layer) => shares.map((step) => step[layer])),
      );
    }),
  );
});

test("its sentence names the layer that agrees least at the cursor", () => {
  const runs = [
    compared([
      [0.5, 0.9],
      [1, 1],
    ]),
  ];
  const at = (step: number) => rolloutModel(runs, "rollout/overlap", { axis: "step", lines: "mean", step }).sentence;
  expect(at(0)).toBe(
    "Experts that engine and trainer both chose, averaged over layers: 70 % in auxiliary-loss at step 0 (layer 0 is the worst with 50 %).",
  );
  expect(at(1)).toMatch(/: 100 % in auxiliary-loss at step 1\.$/);
  const differ = rolloutModel(runs, "rollout/differ", { axis: "step", lines: "mean", step: 1 });
  expect(differ.sentence).toMatch(/^Tokens that engine and trainer route differently, averaged over layers: 40 % in/);
});

test("runs that compared no rollout have no line", () => {
  const none = { ...compared([]), buckets: syntheticBuckets(3, options) };
  const model = rolloutModel([none], "rollout/overlap", { axis: "step", lines: "mean", step: 2 });
  expect(model).toMatchObject({ series: [], sentence: "No rollout at or before this step was compared." });
});

test("shares are told to a tenth of a percent, without a zero behind the point", () => {
  expect([0, 0.5, 0.9964, 1, Number.NaN].map(agreementText)).toEqual(["0 %", "50 %", "99.6 %", "100 %", "no data"]);
});
