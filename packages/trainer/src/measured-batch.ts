// Everything that is reported of one batch: packed into one tensor on the device, taken apart after the one read-back.
//
// T tokens, C categories, L MoE layers, E experts.
import type { v1 } from "@moescope/proto";
import type { BalancingStrategy, LayerObservation } from "./balancing/strategy.ts";
import type { BatchTensors } from "./batch-tensors.ts";
import type { Routing } from "./moe/router.ts";
import { countRouting, loadsOf, meanProbabilityOf, routingHistogram } from "./moe/routing-counts.ts";
import { offTape } from "./ops/off-tape.ts";
import { type Scalar, type Tensor1D, type Tensor2D, tf } from "./runtime/tf.ts";

/** Σ of the cross-entropy over the predicted tokens of one category, in nats, and how many they are. */
export interface CategoryLoss {
  sum: number;
  tokens: number;
}

export interface Measured {
  /** What was minimised, in nats: cross-entropy plus what the strategy adds. */
  loss: number;
  crossEntropy: number;
  balanceLoss: number;
  /** One for each category, in the order of `Corpus.categories`. */
  categoryLoss: CategoryLoss[];
  histograms: v1.RoutingHistogram.$Properties[];
}

export interface BatchLosses {
  loss: Scalar;
  crossEntropy: Scalar;
  balanceLoss: Scalar;
  crossEntropy_T: Tensor1D;
}

/** Numbers at the head of the packed tensor, before the loss of each category. */
const HEAD = 3;

export interface Measuring {
  /** Whether routing is counted. */
  counting: boolean;
  /** Wants to measure something of its own; undefined outside training. */
  strategy: BalancingStrategy | undefined;
}

export function packMeasurements(
  { loss, crossEntropy, balanceLoss, crossEntropy_T }: BatchLosses,
  routings: readonly Routing[],
  { inputCategory_TC, targetCategory_TC }: BatchTensors,
  { counting, strategy }: Measuring,
): Tensor1D {
  return offTape(() => {
    const head = tf.stack([loss, crossEntropy, balanceLoss]);
    const byCategory = tf.matMul(targetCategory_TC, tf.expandDims(crossEntropy_T, 1) as Tensor2D, true, false);
    const observed = strategy ? routings.flatMap((routing) => observations(routing, strategy)) : [];
    const counts = counting ? [countRouting(routings, inputCategory_TC), ...observed] : [];
    const parts = [head, byCategory, ...counts];
    return tf.concat(parts.map((part) => tf.reshape(part, [-1]) as Tensor1D));
  });
}

/** What `afterStep` needs of one layer beyond the counts: what was chosen, where some of it was dropped, and what it measures. */
function observations(routing: Routing, strategy: BalancingStrategy): Tensor1D[] {
  const dropped = routing.kept_TE !== routing.chosen_TE;
  return [
    ...(dropped ? [tf.sum(routing.chosen_TE, 0) as Tensor1D] : []),
    ...(strategy.measure ? [strategy.measure(routing)] : []),
  ];
}

export interface PackedShape {
  layers: readonly number[];
  experts: number;
  topK: number;
  categories: number;
  /** Whether choices can be dropped. */
  droppable: boolean;
  strategy: BalancingStrategy;
}

/** What one batch was measured to be, and, after a training step that was counted, what the strategy is told of it. */
export interface UnpackedBatch {
  measured: Measured;
  observed: LayerObservation[];
}

/** @param packed the tensor of `packMeasurements` after the read-back */
export function unpackMeasurements(
  packed: Float32Array,
  { inputs, predicted }: Pick<BatchTensors, "inputs" | "predicted">,
  shape: PackedShape,
): UnpackedBatch {
  const { layers, experts, topK, categories, strategy } = shape;
  const counted = HEAD + categories;
  const rest = counted + categories * layers.length * 3 * experts;
  const [loss, crossEntropy, balanceLoss] = packed as unknown as [number, number, number];
  const categoryLoss = Array.from(predicted, (tokens, category) => ({ sum: packed[HEAD + category]!, tokens }));
  const losses = { loss, crossEntropy, balanceLoss, categoryLoss };
  if (packed.length === counted) return { measured: { ...losses, histograms: [] }, observed: [] };
  const counts = { sums: packed.subarray(counted, rest), tokens: inputs, experts, topK };
  const histograms = layers.map((layer, index) => {
    return routingHistogram(counts, index, layer, strategy.selectionBias?.(index));
  });
  return {
    measured: { ...losses, histograms },
    observed: observedOf(histograms, packed.subarray(rest), shape),
  };
}

function observedOf(
  histograms: readonly v1.RoutingHistogram.$Properties[],
  extra: Float32Array,
  { layers, experts, droppable, strategy }: PackedShape,
): LayerObservation[] {
  const stride = extra.length / layers.length;
  return histograms.map((histogram, index) => {
    const own = extra.subarray(index * stride, (index + 1) * stride);
    const measured = strategy.measure && own.subarray(droppable ? experts : 0);
    const loads = droppable && own.length > 0 ? own.subarray(0, experts) : loadsOf(histogram);
    return { loads, meanProbability: meanProbabilityOf(histogram), measured };
  });
}
