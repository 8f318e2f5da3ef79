// Whole MoE blocks against Hugging Face transformers: choice, gates, outputs, losses, every gradient, and bias updates.
//
// T tokens, D width, E experts.
import { describe, expect, test } from "vitest";
import { balanceLoss } from "../balancing/auxiliary-loss.ts";
import { deepseekV3 } from "../balancing/deepseek-v3.ts";
import { loadProduct } from "../balancing/load-product.ts";
import { smallRun } from "../balancing/strategy.cases.ts";
import type { BalancingStrategy } from "../balancing/strategy.ts";
import { routerZLoss } from "../balancing/z-loss.ts";
import { type MoeWeights, moeLayer } from "../moe/moe-layer.ts";
import { type RouterControl, type RouterOptions, type Routing, route } from "../moe/router.ts";
import { gradientsOf } from "../ops/gradient-check.fixture.ts";
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { computed, expectClose, readReference, type StoredArray, tensorOf } from "./reference.fixture.ts";

interface Expected {
  gates_TE: StoredArray;
  counts_E: number[];
  loss: number;
  gradients: Record<string, StoredArray>;
}

interface BlockCase {
  options: Partial<RouterOptions>;
  coefficients: { balance: number; z: number };
  bias_E?: StoredArray;
  x_TD: StoredArray;
  direction_TD: StoredArray;
  weights: Record<keyof MoeWeights, StoredArray>;
  expected: Expected & { y_TD: StoredArray; balance?: number; z: number };
  /** Another router on the same tokens, as a second layer: its own load-balancing loss, and that of both layers pooled. */
  secondLayer?: { router_DE: StoredArray; balance: number; pooled: number };
}

interface RouterCase {
  options: Partial<RouterOptions>;
  bias_E: StoredArray;
  x_TD: StoredArray;
  direction_TE: StoredArray;
  weights: { router_DE: StoredArray };
  expected: Expected;
}

interface UpdatesCase {
  options: Partial<RouterOptions>;
  speed: number;
  router_DE: StoredArray;
  batches: StoredArray[];
  expected: { counts: number[][]; biases: StoredArray[] };
}

const { blocks, routers, updates } = readReference<{
  blocks: Record<string, BlockCase>;
  routers: Record<string, RouterCase>;
  updates: Record<string, UpdatesCase>;
}>("hugging-face");

/** What the tests of each backend run. */
export function huggingFaceCases(): void {
  describe.each(Object.entries(blocks))("the MoE block of %s", (_, block) => {
    test("chooses the same experts, with the same gates and the same output", () =>
      computed(() => checkForward(block)));
    test("has the same losses", () => computed(() => checkLosses(block)));
    test("has the same gradient of every weight and of its input", () => computed(() => checkGradients(block)));
    const { secondLayer } = block;
    if (secondLayer) test("pools two layers", () => computed(() => checkPooled(block, secondLayer)));
  });
  test.each(Object.entries(routers))("the router of %s has the same gates and gradients", (_, router) =>
    computed(() => checkRouter(router)),
  );
  test.each(Object.entries(updates))("the bias of %s is the same after each of ten updates", (_, run) =>
    computed(() => checkUpdates(run)),
  );
}

function checkForward(block: BlockCase): void {
  const { y_TD, routing } = runBlock(block, tensorsOf(block));
  expectClose(routing.gates_TE, block.expected.gates_TE, "gates");
  expect([...tf.sum(routing.chosen_TE, 0).dataSync()]).toEqual(block.expected.counts_E);
  expectClose(y_TD, block.expected.y_TD, "output");
}

function checkLosses(block: BlockCase): void {
  const { routing } = runBlock(block, tensorsOf(block));
  const { balance, z, loss } = block.expected;
  if (balance !== undefined) expectClose(huggingFaceBalance(routing), balance, "load-balancing loss");
  expectClose(routerZLoss(routing.cleanLogits_TE), z, "z-loss");
  expectClose(totalLoss(block, tensorsOf(block)), loss, "loss");
}

/** Hugging Face leaves K in: its loss is K when balanced, ours 1. */
function huggingFaceBalance(routing: Routing): Scalar {
  return tf.mul(balanceLoss(routing), routing.topK) as Scalar;
}

function checkGradients(block: BlockCase): void {
  const tensors = tensorsOf(block);
  const names = Object.keys(tensors);
  const gradients = gradientsOf(
    (inputs) =>
      totalLoss(block, Object.fromEntries(names.map((name, i) => [name, inputs[i]!])) as unknown as BlockTensors),
    names.map((name) => tensors[name as keyof BlockTensors] as Tensor),
  );
  expect(names.toSorted()).toEqual(Object.keys(block.expected.gradients).toSorted());
  names.forEach((name, i) => {
    expectClose(gradients[i]!, block.expected.gradients[name]!, `gradient of ${name}`);
  });
}

/** Counts and probabilities of all layers are averaged before they are multiplied: as if the layers were one batch. */
function checkPooled(block: BlockCase, { router_DE, balance, pooled }: NonNullable<BlockCase["secondLayer"]>): void {
  const tensors = tensorsOf(block);
  const first = runBlock(block, tensors).routing;
  const second = runBlock(block, { ...tensors, router_DE: tensorOf(router_DE) }).routing;
  expectClose(huggingFaceBalance(second), balance, "load-balancing loss of the second layer");
  const both = (of: (routing: Routing) => Tensor2D) => tf.concat([of(first), of(second)]) as Tensor2D;
  const { topK } = first;
  const product = loadProduct(
    both((layer) => layer.chosen_TE),
    both((layer) => layer.probabilities_TE),
    topK,
  );
  expectClose(tf.mul(product, topK), pooled, "pooled loss");
}

function checkRouter({ options, bias_E, x_TD, direction_TE, weights, expected }: RouterCase): void {
  const [x, router, direction] = [tensorOf(x_TD), tensorOf(weights.router_DE), tensorOf(direction_TE)];
  const run = (x_TD: Tensor, router_DE: Tensor) =>
    route(
      x_TD as Tensor2D,
      { router_DE: router_DE as Tensor2D, wIn_ED2F: tf.zeros([1, 1, 1]) as Tensor3D },
      control({}, tensorOf<Tensor1D>(bias_E)),
      { ...plainRouter, ...options },
    );
  const { gates_TE, chosen_TE } = run(x, router);
  expectClose(gates_TE, expected.gates_TE, "gates");
  expect([...tf.sum(chosen_TE, 0).dataSync()]).toEqual(expected.counts_E);
  const loss = ([x_TD, router_DE]: Tensor[]) => tf.sum(tf.mul(run(x_TD!, router_DE!).gates_TE, direction)) as Scalar;
  expectClose(loss([x, router]), expected.loss, "loss");
  const [dx, dRouter] = gradientsOf(loss, [x, router]);
  expectClose(dx!, expected.gradients.x_TD!, "gradient of x_TD");
  expectClose(dRouter!, expected.gradients.router_DE!, "gradient of router_DE");
}

function checkUpdates({ options, speed, router_DE, batches, expected }: UpdatesCase): void {
  const strategy = deepseekV3.create({ speed, until: 1, coefficient: 0 }, { ...smallRun, experts: 16, topK: 4 });
  const weights = { router_DE: tensorOf<Tensor2D>(router_DE), wIn_ED2F: tf.zeros([1, 1, 1]) as Tensor3D };
  batches.forEach((x_TD, step) => {
    const bias_E = tf.tensor1d(strategy.selectionBias!(0));
    const routing = route(tensorOf<Tensor2D>(x_TD), weights, control(strategy, bias_E), { ...plainRouter, ...options });
    const loads = tf.sum(routing.chosen_TE, 0).dataSync<"float32">();
    expect([...loads], `counts of batch ${step}`).toEqual(expected.counts[step]);
    strategy.afterStep!([{ loads, meanProbability: [] }], step);
    expectClose(strategy.selectionBias!(0), expected.biases[step]!, `bias after batch ${step}`);
  });
}

type BlockTensors = MoeWeights & { x_TD: Tensor2D };

function tensorsOf({ x_TD, weights }: BlockCase): BlockTensors {
  const stored = Object.entries({ x_TD, ...weights });
  return Object.fromEntries(stored.map(([name, array]) => [name, tensorOf(array)])) as unknown as BlockTensors;
}

function runBlock({ bias_E, options }: BlockCase, { x_TD, ...weights }: BlockTensors) {
  const bias = bias_E && tensorOf<Tensor1D>(bias_E);
  return moeLayer(x_TD, weights, control({}, bias), { ...plainRouter, ...options });
}

function totalLoss(block: BlockCase, tensors: BlockTensors): Scalar {
  const { coefficients, direction_TD } = block;
  const { y_TD, routing } = runBlock(block, tensors);
  const output = tf.sum(tf.mul(y_TD, tensorOf(direction_TD)));
  const losses = [tf.mul(routerZLoss(routing.cleanLogits_TE), coefficients.z)];
  if (coefficients.balance > 0) losses.push(tf.mul(huggingFaceBalance(routing), coefficients.balance));
  return tf.addN([output, ...losses]) as Scalar;
}

const plainRouter: RouterOptions = {
  experts: 8,
  identityExperts: 0,
  topK: 2,
  gate: "softmax",
  normaliseGates: true,
  gateScale: 1,
  groups: 1,
  groupsKept: 1,
  capacityFactor: 0,
  dropPolicy: "position",
};

function control(strategy: BalancingStrategy, bias_E?: Tensor1D): RouterControl {
  const tokens_T = tf.zeros([1], "int32") as Tensor1D;
  return { strategy, bias_E, context: { layer: 0, moeLayer: 0, step: 0, training: true, sequences: 1, tokens_T } };
}
