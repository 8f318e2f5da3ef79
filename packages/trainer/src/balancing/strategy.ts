// The contract of a way to balance expert load. One strategy is one file; index.ts maps names to files.
//
// T tokens = B sequences one after another, E experts, K choices of each token, D width, F hidden width of one expert.
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from "../runtime/tf.ts";

/** One layer of one batch, before its router chooses. */
export interface RouterContext {
  /** Index of the transformer block, and index among the MoE layers of its strategy. */
  layer: number;
  moeLayer: number;
  /** Index of the optimizer update, from 0. */
  step: number;
  /** Whether something is learnt from this batch; false in evaluation. */
  training: boolean;
  /** Sequences in the batch, B. */
  sequences: number;
  /** int32 token ids. */
  tokens_T: Tensor1D;
}

/** What experts are chosen from. Nothing here carries a gradient into a choice. */
export interface RouterScores {
  context: RouterContext;
  topK: number;
  logits_TE: Tensor2D;
  /** Gate scores of the logits. */
  scores_TE: Tensor2D;
  /** What `selectionBias` gave for this layer. */
  bias_E: Tensor1D | undefined;
}

/** What one layer's router did with one batch. */
export interface LayerRouting {
  context: RouterContext;
  topK: number;
  /** What scores were made from; noise included where a strategy adds any. */
  logits_TE: Tensor2D;
  /** The same without noise, and what noise there was: the standard deviation of each logit. */
  cleanLogits_TE: Tensor2D;
  noiseScale_TE?: Tensor2D;
  /** Gate scores of the logits, before any bias. */
  scores_TE: Tensor2D;
  /** Router scores normalised over all experts: each row adds up to 1. Gradients flow through it. */
  probabilities_TE: Tensor2D;
  /** 1 where a token chose an expert, else 0; a constant. */
  chosen_TE: Tensor2D;
  /** What the scores alone would have chosen: no bias, no groups. The same tensor as `chosen_TE` where nothing else had a say. */
  preferred_TE: () => Tensor2D;
  /** What would have been chosen without the selection bias and everything else equal; undefined where there is no bias. */
  unbiased_TE: (() => Tensor2D) | undefined;
  /** Gate weights: zero for experts that were not chosen. */
  gates_TE: Tensor2D;
  /** Weights of the layer; the router is undefined for strategies without a learned one. */
  router_DE: Tensor2D | undefined;
  wIn_ED2F: Tensor3D;
}

/** What a strategy is told of one layer after a step. */
export interface LayerObservation {
  /** n_e over the whole batch, dropped choices included. */
  loads: ArrayLike<number>;
  /** Mean over tokens of the router's normalised score of each expert. */
  meanProbability: ArrayLike<number>;
  /** What `measure` gave for this layer. */
  measured?: ArrayLike<number>;
}

export interface BalancingStrategy {
  /** The loss this strategy adds for one layer, already times its coefficient. Runs on the gradient tape. */
  layerLoss?(routing: LayerRouting): Scalar;
  /** Bias b_e of a layer, for choosing experts only; gate weights never see it. */
  selectionBias?(moeLayer: number): Float32Array;
  /** What experts are chosen by, highest first; scores + bias where a strategy has none. Runs off the gradient tape. */
  selectionScores?(scores: RouterScores): Tensor2D;
  /**
   * The experts of each token, int32 [T, K'], −1 for none. Runs off the gradient tape.
   *
   * @returns undefined for the top-K of the selection scores, which is also what happens where a strategy has none of this
   */
  choose?(scores: RouterScores): Tensor2D | undefined;
  /**
   * Logits with noise, in training only. Runs on the gradient tape.
   *
   * @param noise_TE x · W_noise of a strategy whose definition asks for noise weights
   */
  addNoise?(
    logits_TE: Tensor2D,
    noise_TE: Tensor2D,
    context: RouterContext,
  ): { logits_TE: Tensor2D; scale_TE: Tensor2D };
  /** Numbers to be read back with the counts and given to `afterStep`, and how many. Runs off the gradient tape, in training only. */
  measure?(routing: LayerRouting): Tensor1D;
  measureSize?: number;
  /** Called once after every optimizer step, with one observation for each MoE layer. */
  afterStep?(observed: readonly LayerObservation[], step: number): void;
  /** Everything `afterStep` changes, by name: what a checkpoint keeps. The arrays are the strategy's own. */
  state?(): Record<string, Float32Array>;
  /** Where ranges of layers have strategies of their own: that of one MoE layer, and which of its layers this is. */
  ofLayer?(moeLayer: number): OfLayer;
}

export interface OfLayer {
  strategy: BalancingStrategy;
  moeLayer: number;
}

/** The strategy of one MoE layer. */
export function strategyOfLayer(strategy: BalancingStrategy, moeLayer: number): OfLayer {
  return strategy.ofLayer?.(moeLayer) ?? { strategy, moeLayer };
}

/** Size of the model and of the run that a strategy balances. */
export interface BalancedRun {
  moeLayers: number;
  experts: number;
  /** Experts that do nothing, the last of `experts`. */
  identityExperts: number;
  topK: number;
  groups: number;
  gate: string;
  capacityFactor: number;
  width: number;
  vocabulary: number;
  /** Sequences of a batch, and tokens of a batch. */
  sequences: number;
  tokens: number;
  /** Steps the run will make: some schedules end before the run does. */
  steps: number;
  seed: number;
  /** What a schedule multiplies speeds by at a step; 1 when absent. Losses are scaled where they are used. */
  pace?: (step: number) => number;
}

export type Setting = number | boolean | string;

/** A strategy by name: its options with their defaults, and how to build it. */
export interface StrategyDefinition<Options extends Record<string, Setting> = Record<string, Setting>> {
  summary: string;
  /**
   * What it takes hold of. Strategies combine as long as only one of them chooses; a baseline stands alone. A balance loss is a loss on
   * expert load, a regulariser one on anything else.
   */
  kind: "baseline" | "balance-loss" | "regulariser" | "choice";
  /** Why a balance loss makes no sense beside it: its choice is balanced as it is. */
  balancedBecause?: string;
  /** In training experts choose tokens, topK × tokens in all: a token may have more or fewer than topK. */
  expertsChoose?: true;
  /** How many experts a token has varies by token: the run's layers are described with a top-k of 0. */
  topKVaries?: true;
  /** Has a coefficient or a speed, so that a schedule is among its options (schedule.ts). */
  scaled?: true;
  defaults: Options;
  /** What was done before an option existed: for stored configurations that lack it. */
  formerly?: Partial<Options>;
  /** What the published form sets in the model, as in `{ gate: "sigmoid" }`; settings of the user's come after it. */
  model?: Record<string, Setting>;
  /** Router weights: not learned at all, with a second matrix for noise (zeros at the start), started as orthogonal columns or as zeros. */
  router?: { learned?: false; noise?: true; orthogonal?: true; zeros?: true };
  /** Where ranges of layers have definitions of their own: that of one MoE layer. */
  ofLayer?: (moeLayer: number) => StrategyDefinition;
  /** @throws RangeError when an option is out of range, or the run is one it makes no sense for; the message names the value */
  create(options: Options, run: BalancedRun): BalancingStrategy;
}

/** @throws RangeError unless `value` is a number ≥ 0 */
export function requireNotNegative(option: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new RangeError(`balancing.${option} is ${value}; allowed are numbers from 0`);
  }
}

/** @throws RangeError unless `value` lies from 0 to 1 */
export function requireShare(option: string, value: number): void {
  if (!(value >= 0 && value <= 1))
    throw new RangeError(`balancing.${option} is ${value}; allowed are numbers from 0 to 1`);
}

/** @throws RangeError unless the choices of a batch can be shared out evenly over the experts */
export function requireEvenShares(strategy: string, { tokens, topK, experts }: BalancedRun): void {
  if ((tokens * topK) % experts !== 0) {
    throw new RangeError(
      `${strategy}: model.topK × tokens of a batch = ${tokens * topK} must be a multiple of model.experts = ${experts}`,
    );
  }
}

/** @throws RangeError unless `value` is one of `allowed` */
export function requireOneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new RangeError(`balancing.${option} is "${value}"; allowed: ${allowed.join(", ")}`);
  }
}
