import { describe, expect, test } from "vitest";
import { hasNativeOps } from "../ops/native.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import type { AdamW } from "./adamw.ts";
import { ComposedAdamW } from "./adamw-composed.ts";
import { FusedAdamW } from "./adamw-fused.ts";
import { learningRateAt } from "./schedule.ts";

await openBackend();

const options = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const start = () => [
  { name: "matrix", shape: [2, 2], values: Float32Array.from([1, -2, 3, 0.5]), decay: true },
  { name: "gain", shape: [2], values: Float32Array.from([1, 1]), decay: false },
];

/** The published algorithm in double precision, on one number. */
function byHand(value: number, gradients: number[], rate: number, weightDecay: number): number {
  let [w, m, v] = [value, 0, 0];
  gradients.forEach((g, i) => {
    m = 0.9 * m + 0.1 * g;
    v = 0.95 * v + 0.05 * g * g;
    w -= rate * weightDecay * w + (rate * (m / (1 - 0.9 ** (i + 1)))) / (Math.sqrt(v / (1 - 0.95 ** (i + 1))) + 1e-8);
  });
  return w;
}

const kinds: [string, typeof ComposedAdamW | typeof FusedAdamW][] = [["composed", ComposedAdamW]];
if (hasNativeOps()) kinds.push(["fused", FusedAdamW]);

describe.each(kinds)("AdamW, %s", (_, Kind) => {
  const values = (adamw: AdamW) => tf.tidy(() => adamw.read().map((tensor) => [...tensor.dataSync()]));
  const gradients = () => [tf.tensor2d([0.1, -0.4, 2, 0], [2, 2]), tf.tensor1d([1, -1])];

  test("three updates are those of the published algorithm", () => {
    const adamw = new Kind(start(), options);
    for (let i = 0; i < 3; i++) tf.tidy(() => adamw.apply(gradients(), 0.01, 0.5));
    const [matrix, gain] = values(adamw);
    [1, -2, 3, 0.5].forEach((value, i) => {
      const scaled = [0.1, -0.4, 2, 0][i]! * 0.5;
      expect(matrix![i]).toBeCloseTo(byHand(value, [scaled, scaled, scaled], 0.01, 0.1), 5);
    });
    expect(gain![0]).toBeCloseTo(byHand(1, [0.5, 0.5, 0.5], 0.01, 0), 5);
    adamw.dispose();
  });

  test("adds up the squares of all gradients", () => {
    const adamw = new Kind(start(), options);
    expect(tf.tidy(() => adamw.sumOfSquares(gradients()).dataSync()[0])).toBeCloseTo(0.01 + 0.16 + 4 + 2, 5);
    adamw.dispose();
  });

  test("a value read before an update stays as it was", () => {
    const adamw = new Kind(start(), options);
    const [before] = adamw.read();
    tf.tidy(() => adamw.apply(gradients(), 0.1, 1));
    expect([...before!.dataSync()]).toEqual([1, -2, 3, 0.5]);
    expect(values(adamw)[0]).not.toEqual([1, -2, 3, 0.5]);
    adamw.dispose();
  });

  test("an optimizer restored from another's state goes on exactly like it", () => {
    const [straight, first, second] = [
      new Kind(start(), options),
      new Kind(start(), options),
      new Kind(start(), options),
    ];
    const update = (adamw: AdamW) => tf.tidy(() => adamw.apply(gradients(), 0.01, 0.7));
    for (let i = 0; i < 5; i++) update(straight!);
    for (let i = 0; i < 2; i++) update(first!);
    const kept = first!.state();
    second!.restore(kept);
    for (let i = 0; i < 3; i++) update(second!);
    expect(second!.state()).toEqual(straight!.state());
    // What was kept is not what goes on.
    expect(kept).toEqual(first!.state());
    for (const adamw of [straight, first, second]) adamw!.dispose();
  });

  test("names its state, the number of updates included, and misses what is not there", () => {
    const adamw = new Kind(start(), options);
    tf.tidy(() => adamw.apply(gradients(), 0.01, 1));
    const state = adamw.state();
    expect(state.map(({ name }) => name)).toEqual([
      ...["parameter/matrix", "parameter/gain", "first-moment/matrix", "first-moment/gain"],
      ...["second-moment/matrix", "second-moment/gain", "optimizer/updates"],
    ]);
    expect(state.at(-1)).toEqual({ name: "optimizer/updates", shape: [], values: Float32Array.of(1) });
    expect(state[2]!.values[2]).toBeCloseTo(0.1 * 2, 6);
    expect(() => adamw.restore(state.slice(0, -1))).toThrow(/no "optimizer\/updates"/);
    adamw.dispose();
  });

  test("leaves no tensor behind when disposed", () => {
    const tensors = tf.memory().numTensors;
    const adamw = new Kind(start(), options);
    tf.tidy(() => adamw.apply(gradients(), 0.1, 1));
    adamw.restore(adamw.state());
    adamw.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

test("the learning rate warms up to its highest and falls to its final share", () => {
  const schedule = { learningRate: 1, finalShare: 0.1, warmupSteps: 10 };
  expect(learningRateAt(0, 100, schedule)).toBeCloseTo(0.1);
  expect(learningRateAt(9, 100, schedule)).toBeCloseTo(1);
  expect(learningRateAt(99, 100, schedule)).toBeCloseTo(0.1);
  for (let step = 10; step < 99; step++) {
    expect(learningRateAt(step + 1, 100, schedule)).toBeLessThanOrEqual(learningRateAt(step, 100, schedule));
  }
});
