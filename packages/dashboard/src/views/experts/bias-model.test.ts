import { expect, test } from "vitest";
import { syntheticBuckets, syntheticChosen } from "../../testing/synthetic-run.ts";
import { biasDomain, biasSentence, hasBias } from "./bias-model.ts";
import { expertReading, expertsModel, expertsTable, markExperts } from "./experts-model.ts";

const chosen = syntheticChosen({}, 4);
const history = { chosen, lead: [], width: 1, status: "ready" as const, newest: undefined };
const plain = expertsModel({ ...history, buckets: syntheticBuckets(4) }, 1, "step");
/** In step s expert e has the bias s × (0, −0.1, 0.2, 0). */
const buckets = syntheticBuckets(4).map((bucket, step) => ({
  ...bucket,
  layers: bucket.layers!.map((layer) => ({ ...layer, selectionBias: [0, -0.1 * step, 0.2 * step, 0] })),
}));
const biased = expertsModel({ ...history, buckets }, 1, "step");

test("a run without a bias has none, not zero", () => {
  expect([hasBias(plain), hasBias(biased)]).toEqual([false, true]);
  expect(expertReading(plain, 0, 0).bias).toBeUndefined();
  expect(expertsTable([plain])[1]!.at(-1)).toBe("");
});

test("the bias of each expert is that at the last step of the bucket", () => {
  expect([...biased.bias.subarray(12)]).toEqual([0, expect.closeTo(-0.3), expect.closeTo(0.6), 0]);
  expect(expertReading(biased, 3, 2).text).toMatch(/× its share, selection bias 0\.600\.$/);
});

test("the axis holds all runs and zero", () => {
  const [low, high] = biasDomain([plain, biased]);
  expect(low).toBeLessThan(-0.3);
  expect(high).toBeGreaterThan(0.6);
  expect(biasDomain([plain])).toEqual([-1, 1]);
});

test("the sentence names the experts at both ends, at the cursor", () => {
  const pane = { model: biased, marks: markExperts(biased, 2, undefined) };
  expect(biasSentence([pane])).toBe(
    "In layer 1 the selection bias goes from −0.200 (expert 1) to 0.400 (expert 2) in auxiliary-loss at step 2.",
  );
  expect(biasSentence([{ model: plain, marks: markExperts(plain, 2, undefined) }])).toBe(
    "No bias has arrived at the step cursor.",
  );
});
