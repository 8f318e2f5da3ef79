import { beforeAll, describe, expect, test } from "vitest";
import { combineComposed, combineFused, expertsComposed, expertsFused } from "../moe/experts.ts";
import { chooseTopK, planOnHost, planRoutes } from "../moe/route-plan.ts";
import { openBackend } from "../runtime/backends.ts";
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { attentionComposed, attentionFused, rotaryTables } from "./attention.ts";
import { crossEntropyComposed, crossEntropyFused } from "./cross-entropy.ts";
import { embed } from "./embedding.ts";
import { finiteDifferenceError, gradientsOf, relativeError } from "./gradient-check.fixture.ts";
import { batchProductOfPlain, matrixProductFused, matrixProductOfPlain } from "./matrix-product.ts";
import { hasNativeOps } from "./native.ts";
import { rmsNormComposed, rmsNormFused } from "./rms-norm.ts";

await openBackend();

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
/** A scalar that depends on every output differently. */
const weigh = (out: Tensor) => tf.sum(tf.mul(out, random(out.shape, 99))) as Scalar;

interface Case {
  name: string;
  inputs: () => Tensor[];
  fused?: (inputs: Tensor[]) => Tensor;
  composed: (inputs: Tensor[]) => Tensor;
}

const [tokens, width, experts, hidden] = [12, 8, 4, 6];
const choices = () => chooseTopK(random([tokens, experts], 5) as Tensor2D, 2);
const targets = () => tf.tensor1d([0, 3, 3, 1, 4, 2, 0, 1, 1, 4, 2, 3], "int32");

/** Cases that need a routing plan: dropless, and with a capacity at which choices are dropped. */
const routed = ([undefined, 4] as const).flatMap((capacity): Case[] => {
  const fusedPlan = () => planRoutes(choices(), experts, capacity);
  const paddedPlan = () => planOnHost(choices(), experts, capacity);
  const gates = (g: Tensor) => tf.sigmoid(g) as Tensor2D;
  const name = capacity === undefined ? "dropless" : `capacity ${capacity}`;
  return [
    {
      name: `experts and their weighted sum, ${name}`,
      inputs: () => [
        random([tokens, width], 1),
        random([experts, width, 2 * hidden], 2),
        random([experts, hidden, width], 3),
        random([tokens, experts], 4),
      ],
      fused: ([x, wIn, wOut, g]) => {
        const plan = fusedPlan();
        const rows = expertsFused(x as Tensor2D, wIn as Tensor3D, wOut as Tensor3D, plan);
        return combineFused(rows, gates(g!), plan);
      },
      composed: ([x, wIn, wOut, g]) => {
        const plan = paddedPlan();
        const rows = expertsComposed(x as Tensor2D, wIn as Tensor3D, wOut as Tensor3D, plan);
        return combineComposed(rows, gates(g!), plan);
      },
    },
  ];
});

const cases: Case[] = [
  {
    name: "RMSNorm",
    inputs: () => [random([130, width], 1), random([width], 2)],
    fused: ([x, gain]) => rmsNormFused(x as Tensor2D, gain as Tensor1D),
    composed: ([x, gain]) => rmsNormComposed(x as Tensor2D, gain as Tensor1D),
  },
  {
    name: "causal attention over one block of queries",
    inputs: () => [random([2 * 6, 3 * 8], 1)],
    fused: ([qkv]) => attentionFused(qkv as Tensor2D, rotaryTables(6, 4), 2),
    composed: ([qkv]) => attentionComposed(qkv as Tensor2D, rotaryTables(6, 4), 2),
  },
  {
    name: "causal attention over several blocks of queries",
    inputs: () => [random([150, 3 * 8], 1)],
    fused: ([qkv]) => attentionFused(qkv as Tensor2D, rotaryTables(150, 4), 2),
    composed: ([qkv]) => attentionComposed(qkv as Tensor2D, rotaryTables(150, 4), 2),
  },
  {
    name: "matrix product over several tiles",
    inputs: () => [random([300, 20], 1), random([20, 270], 2)],
    fused: ([a, b]) => matrixProductFused(a as Tensor2D, b as Tensor2D),
    composed: ([a, b]) => tf.matMul(a as Tensor2D, b as Tensor2D),
  },
  {
    name: "matrix product from plain ones",
    inputs: () => [random([9, 5], 1), random([5, 7], 2)],
    composed: ([a, b]) => matrixProductOfPlain(a as Tensor2D, b as Tensor2D),
  },
  {
    name: "products of stacked matrices from plain ones",
    inputs: () => [random([3, 4, 5], 1), random([3, 5, 2], 2)],
    composed: ([a, b]) => batchProductOfPlain(a as Tensor3D, b as Tensor3D),
  },
  {
    name: "cross-entropy",
    inputs: () => [random([tokens, 5], 1)],
    fused: ([logits]) => crossEntropyFused(logits as Tensor2D, targets()),
    composed: ([logits]) => crossEntropyComposed(logits as Tensor2D, targets()),
  },
  {
    name: "embedding",
    inputs: () => [random([5, width], 1)],
    composed: ([table]) => embed(table as Tensor2D, targets()),
  },
  ...routed,
];

describe.each(cases)("$name", ({ inputs, fused, composed }) => {
  let x: Tensor[];
  beforeAll(() => {
    x = inputs();
  });

  test("the composition's gradient is that of finite differences", () => {
    expect(finiteDifferenceError((at) => weigh(composed(at)), x)).toBeLessThan(2e-2);
  });

  if (!fused) return;

  test.runIf(hasNativeOps())("the fused operation gives the same value", () => {
    const [value, reference] = tf.tidy(() => [fused(x).dataSync().slice(), composed(x).dataSync().slice()]);
    expect(relativeError(value, reference)).toBeLessThan(1e-5);
  });

  test.runIf(hasNativeOps())(
    "the fused operation's gradient is the composition's and that of finite differences",
    () => {
      const reference = gradientsOf((at) => weigh(composed(at)), x);
      gradientsOf((at) => weigh(fused(at)), x).forEach((gradient, i) => {
        expect(relativeError(gradient, reference[i]!)).toBeLessThan(2e-5);
      });
      expect(finiteDifferenceError((at) => weigh(fused(at)), x)).toBeLessThan(2e-2);
    },
  );
});
