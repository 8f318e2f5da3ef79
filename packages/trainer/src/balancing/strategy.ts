// The contract of a way to balance expert load. One strategy is one file; index.ts maps names to files.
//
// T tokens, E experts, K choices of each token.
import type { Scalar, Tensor2D } from "../runtime/tf.ts";

/** What one layer's router did with one batch. */
export interface LayerRouting {
  /** Index of the transformer block. */
  layer: number;
  topK: number;
  logits_TE: Tensor2D;
  /** Router scores normalised over all experts: each row adds up to 1. Gradients flow through it. */
  probabilities_TE: Tensor2D;
  /** 1 where a token chose an expert, else 0; a constant. */
  chosen_TE: Tensor2D;
}

export interface BalancingStrategy {
  /** The loss this strategy adds for one layer, already times its coefficient. Runs on the gradient tape. */
  layerLoss?(routing: LayerRouting): Scalar;
  /** Bias b_e that is added to a layer's scores for choosing experts only; gate weights never see it. */
  selectionBias?(moeLayer: number): Float32Array;
  /**
   * Called once after every optimizer step.
   *
   * @param loads n_e of every MoE layer over the whole batch, all ranks, dropped choices included
   */
  afterStep?(loads: ReadonlyArray<ArrayLike<number>>, step: number): void;
}

/** Size of the model that a strategy balances. */
export interface BalancedModel {
  moeLayers: number;
  experts: number;
  topK: number;
  /** Steps the run will make: some schedules end before the run does. */
  steps: number;
}

/** A strategy by name: its options with their defaults, and how to build it. */
export interface StrategyDefinition<Options extends Record<string, number | boolean | string>> {
  summary: string;
  defaults: Options;
  /** @throws RangeError when an option is out of range; the message names it */
  create(options: Options, model: BalancedModel): BalancingStrategy;
}

/** @throws RangeError unless `value` is a number ≥ 0 */
export function requireNotNegative(option: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new RangeError(`balancing.${option} is ${value}; allowed are numbers from 0`);
  }
}
