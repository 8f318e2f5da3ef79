// Balancing losses, choices and bias updates against the published formulas: values, and gradients where there are any.
//
// T tokens, E experts, K choices, D width, F hidden width of one expert.
import { describe, expect, test } from "vitest";
import { ercLoss } from "../balancing/erc.ts";
import { meanSquaredCosine } from "../balancing/ernie.ts";
import { expertsChoose } from "../balancing/expert-choice.ts";
import { loadProduct } from "../balancing/load-product.ts";
import { longcatUpdate } from "../balancing/longcat.ts";
import { moveAgainstLoad } from "../balancing/loss-free-bias.ts";
import { addNoise, chanceOfChoice, variationSquared } from "../balancing/noisy-top-k.ts";
import { phiBalancing, phiLoss } from "../balancing/phi-balancing.ts";
import { quantile, quantileUpdate } from "../balancing/quantile.ts";
import { distanceFromOrthogonal } from "../balancing/simbal.ts";
import { sinkhorn } from "../balancing/sinkhorn.ts";
import { smebuUpdate } from "../balancing/smebu.ts";
import { smallRun } from "../balancing/strategy.cases.ts";
import { gateScores } from "../moe/gate.ts";
import { chooseTopK, hotChoices } from "../moe/route-plan.ts";
import { gradientsOf, type ScalarFunction } from "../ops/gradient-check.fixture.ts";
import { type Scalar, type Tensor, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { computed, expectClose, readReference, type StoredArray, tensorOf, valuesOf } from "./reference.fixture.ts";

/** A scalar with its gradient for each input. */
export type Case<More = object> = More & {
  inputs: Record<string, StoredArray>;
  value: number;
  gradients: Record<string, StoredArray>;
};

interface Updates {
  biases: StoredArray[];
}

const reference = readReference<{
  topK: number;
  balanceLosses: Record<string, Case<{ gate: string; groups: number }>>;
  noisyTopK: {
    importance: Case<{ normal_TE: StoredArray; gates_TE: StoredArray }>;
    load: Case<{ normal_TE: StoredArray; chance_TE: StoredArray }>;
  };
  sinkhorn: { logits_TE: StoredArray; plan_TE: StoredArray; chosen_TE: StoredArray };
  expertChoice: { scores_TE: StoredArray; chosen_TE: StoredArray };
  orthogonality: { simbal: Case; ernie: Case };
  coupling: Case<{ noise_ED: StoredArray; slack: number }>;
  phiBalancing: Record<string, Case<{ mean_E: StoredArray; rate: number; after_E: StoredArray }>>;
  quantileBalancing: { batches: Record<"scores_TE" | "before_E" | "raw_E" | "after_E", StoredArray>[] };
  biasUpdates: {
    loads: number[][];
    rules: Record<string, Updates & { speed: number }>;
    smebu: Updates;
    longcat: Updates & { speed: number; working: number; workingShare: number };
  };
}>("formulas");
const { topK } = reference;

/** What the tests of each backend run. */
export function formulaCases(): void {
  describe("balance losses", () => {
    test.each(Object.entries(reference.balanceLosses))("over %s", (_, { gate, groups, ...losses }) =>
      computed(() => checkScalar(losses, ([logits_TE]) => balanceLossOf(logits_TE as Tensor2D, gate, groups))),
    );
  });
  describe("noisy top-k", () => {
    test("noise, gates and importance loss", () => computed(checkImportance));
    test("chance of choice and load loss", () => computed(checkLoad));
  });
  describe("regularisers", () => {
    const { simbal, ernie } = reference.orthogonality;
    test("SimBal", () => computed(() => checkScalar(simbal, ([router]) => distanceFromOrthogonal(router as Tensor2D))));
    test("ERNIE", () => computed(() => checkScalar(ernie, ([router]) => meanSquaredCosine(router as Tensor2D))));
    test("ERC", () => computed(checkCoupling));
    test.each(Object.entries(reference.phiBalancing))("φ-balancing, %s", (phi, one) =>
      computed(() => checkPhi(phi, one)),
    );
  });
  describe("choices over a batch", () => {
    test("Sinkhorn", () => computed(checkSinkhorn));
    test("expert choice", () => computed(checkExpertChoice));
    test("quantile balancing, three batches", () => computed(checkQuantiles));
  });
}

/** Updates of biases are plain JavaScript: the same on every backend. */
export function biasUpdateCases(): void {
  const { rules, smebu, longcat } = reference.biasUpdates;
  test.each(Object.entries(rules))("%s bias, ten updates", (rule, { speed, biases }) => {
    checkUpdates(biases, rule === "multiplicative" ? 1 : 0, (bias, loads) => moveAgainstLoad(bias, loads, speed, rule));
  });
  test("SMEBU, ten updates", () => {
    const velocity = new Float32Array(8);
    const options = { speed: 5e-4, steepness: 2, momentum: 0.5 };
    checkUpdates(smebu.biases, 0, (bias, loads) => smebuUpdate(bias, velocity, loads, options));
  });
  test("LongCat, ten updates", () => {
    const { biases, working, workingShare, speed } = longcat;
    checkUpdates(biases, 0, (bias, loads) => longcatUpdate(bias, loads, working, workingShare, speed));
  });
}

export function checkScalar({ inputs, value, gradients }: Case, f: ScalarFunction): void {
  const tensors = Object.values(inputs).map((input) => tensorOf(input));
  expectClose(f(tensors), value, "value");
  const found = gradientsOf(f, tensors);
  Object.keys(inputs).forEach((name, i) => {
    expectClose(found[i]!, gradients[name]!, `gradient of ${name}`);
  });
}

function balanceLossOf(logits_TE: Tensor2D, gate: string, groups: number): Scalar {
  const scores_TE = gateScores(logits_TE, gate);
  const shares_TE = tf.div(scores_TE, tf.sum(scores_TE, 1, true)) as Tensor2D;
  return loadProduct(hotChoices(chooseTopK(logits_TE, topK), 8), shares_TE, topK, groups);
}

function noisyRouting({ normal_TE }: { normal_TE: StoredArray }, [clean_TE, raw_TE]: Tensor[]) {
  const noisy = addNoise(clean_TE as Tensor2D, raw_TE as Tensor2D, tensorOf<Tensor2D>(normal_TE));
  return { cleanLogits_TE: clean_TE as Tensor2D, logits_TE: noisy.logits_TE, noiseScale_TE: noisy.scale_TE, topK };
}

/** Softmax over all experts, then shares of the chosen: the same as the softmax over the chosen alone. */
function noisyGates(logits_TE: Tensor2D): Tensor2D {
  const chosen_TE = hotChoices(chooseTopK(logits_TE, topK), 8);
  const kept_TE = tf.mul(tf.softmax(logits_TE), chosen_TE);
  return tf.div(kept_TE, tf.sum(kept_TE, 1, true)) as Tensor2D;
}

function checkImportance(): void {
  const { importance } = reference.noisyTopK;
  const gates = (inputs: Tensor[]) => noisyGates(noisyRouting(importance, inputs).logits_TE);
  expectClose(gates(Object.values(importance.inputs).map((input) => tensorOf(input))), importance.gates_TE, "gates");
  checkScalar(importance, (inputs) => variationSquared(gates(inputs)));
}

function checkLoad(): void {
  const { load } = reference.noisyTopK;
  const chance = (inputs: Tensor[]) => chanceOfChoice(noisyRouting(load, inputs));
  expectClose(chance(Object.values(load.inputs).map((input) => tensorOf(input))), load.chance_TE, "chance");
  checkScalar(load, (inputs) => variationSquared(chance(inputs)));
}

function checkCoupling(): void {
  const { noise_ED, slack } = reference.coupling;
  checkScalar(reference.coupling, ([router_DE, gate_EDF]) => {
    // The coupling is with the gate's half of the input weights; the other half must not matter.
    const wIn_ED2F = tf.concat([gate_EDF!, tf.onesLike(gate_EDF!)], 2) as Tensor3D;
    return ercLoss(router_DE as Tensor2D, wIn_ED2F, tensorOf<Tensor2D>(noise_ED), slack);
  });
}

function checkPhi(phi: string, { mean_E, rate, after_E, ...one }: (typeof reference.phiBalancing)[string]): void {
  const probabilities = (logits_TE: Tensor) => tf.softmax(logits_TE) as Tensor2D;
  checkScalar(one, ([logits_TE]) => phiLoss({ probabilities_TE: probabilities(logits_TE!) }, valuesOf(mean_E), phi));
  const strategy = phiBalancing.create({ phiCoefficient: 1, rate, phi }, smallRun);
  const mean = strategy.state!()["mean/0"]!;
  mean.set(valuesOf(mean_E));
  const meanProbability = tf.mean(probabilities(tensorOf(one.inputs.logits_TE!)), 0).dataSync<"float32">();
  strategy.afterStep!([{ loads: [], meanProbability }], 0);
  expectClose(mean, after_E, "running mean");
}

function checkSinkhorn(): void {
  const { logits_TE, plan_TE, chosen_TE } = reference.sinkhorn;
  const plan = sinkhorn(tensorOf<Tensor2D>(logits_TE));
  expectClose(plan, plan_TE, "plan");
  expectClose(hotChoices(chooseTopK(plan, topK), 8), chosen_TE, "choice");
}

function checkExpertChoice(): void {
  const { scores_TE, chosen_TE } = reference.expertChoice;
  expectClose(hotChoices(expertsChoose(tensorOf<Tensor2D>(scores_TE), topK), 8), chosen_TE, "choice");
}

/** β of the published form is −b here. */
function checkQuantiles(): void {
  const strategy = quantile.create({ momentum: 0 }, { ...smallRun, tokens: 24 });
  reference.quantileBalancing.batches.forEach(({ scores_TE, before_E, raw_E, after_E }, step) => {
    const bias = strategy.selectionBias!(0);
    expectClose(
      bias.map((b) => -b),
      before_E,
      `bias before batch ${step}`,
    );
    const measured = quantileUpdate(tensorOf<Tensor2D>(scores_TE), tf.tensor1d(bias), topK).dataSync<"float32">();
    expectClose(
      measured.map((b) => -b),
      raw_E,
      `update of batch ${step}`,
    );
    strategy.afterStep!([{ loads: [], meanProbability: [], measured }], step);
    expectClose(
      bias.map((b) => -b),
      after_E,
      `bias after batch ${step}`,
    );
  });
}

function checkUpdates(
  expected: StoredArray[],
  start: number,
  update: (bias: Float32Array, loads: number[]) => void,
): void {
  const bias = new Float32Array(8).fill(start);
  expect(reference.biasUpdates.loads).toHaveLength(expected.length);
  reference.biasUpdates.loads.forEach((loads, step) => {
    update(bias, loads);
    expectClose(bias, expected[step]!, `bias after update ${step}`);
  });
}
