// Everything that is reported of one batch: packed into one tensor on the device, taken apart after the one read-back.
//
// T tokens, C categories, L MoE layers, E experts.
import type { v1 } from "@moescope/proto";
import { type BalancingStrategy, type LayerObservation, strategyOfLayer } from "../balancing/strategy.ts";
import type { Routing } from "../moe/router.ts";
import { countRouting, loadsOf, routingHistogram, rowsOfLayer } from "../moe/routing-counts.ts";
import { offTape } from "../ops/off-tape.ts";
import { type Scalar, type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import type { BatchTensors } from "./batch-tensors.ts";

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
  /** Whether experts have a capacity, so that choices can be dropped. */
  droppable: boolean;
  /** Wants to measure something of its own; undefined outside training. */
  strategy: BalancingStrategy | undefined;
}

export function packMeasurements(
  { loss, crossEntropy, balanceLoss, crossEntropy_T }: BatchLosses,
  routings: readonly Routing[],
  { inputCategory_TC, targetCategory_TC }: BatchTensors,
  { counting, droppable, strategy }: Measuring,
): Tensor1D {
  return offTape(() => {
    const head = tf.stack([loss, crossEntropy, balanceLoss]);
    const byCategory = tf.matMul(targetCategory_TC, tf.expandDims(crossEntropy_T, 1) as Tensor2D, true, false);
    const own = () =>
      routings.flatMap((routing, place) => {
        return (strategy && strategyOfLayer(strategy, place).strategy.measure?.(routing)) ?? [];
      });
    const counts = counting ? [countRouting(routings, inputCategory_TC, droppable), ...own()] : [];
    const parts = [head, byCategory, ...counts];
    return tf.concat(parts.map((part) => tf.reshape(part, [-1]) as Tensor1D));
  });
}

export interface PackedShape {
  /** As the run is described; all of one size. */
  layers: readonly v1.MoeLayer[];
  categories: number;
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
  const { layers, categories, droppable, strategy } = shape;
  const counted = HEAD + categories;
  const rest = counted + layers.length * layers[0]!.experts * rowsOfLayer(categories, droppable);
  const [loss, crossEntropy, balanceLoss] = packed as unknown as [number, number, number];
  const categoryLoss = Array.from(predicted, (tokens, category) => ({ sum: packed[HEAD + category]!, tokens }));
  const losses = { loss, crossEntropy, balanceLoss, categoryLoss };
  if (packed.length === counted) return { measured: { ...losses, histograms: [] }, observed: [] };
  const counts = { sums: packed.subarray(counted, rest), tokens: inputs, droppable };
  const histograms = layers.map((layer, place) => {
    const own = strategyOfLayer(strategy, place);
    return routingHistogram(counts, place, layer, own.strategy.selectionBias?.(own.moeLayer));
  });
  return {
    measured: { ...losses, histograms },
    observed: observedOf(histograms, packed.subarray(rest), strategy),
  };
}

/** @param own what the strategy's `measure` gave for all layers */
function observedOf(
  histograms: readonly v1.RoutingHistogram.$Properties[],
  own: Float32Array,
  strategy: BalancingStrategy,
): LayerObservation[] {
  let first = 0;
  return histograms.map((histogram, place) => {
    const { measureSize = 0 } = strategyOfLayer(strategy, place).strategy;
    first += measureSize;
    return {
      loads: loadsOf(histogram),
      meanProbability: histogram.meanProbability!,
      measured: measureSize > 0 ? own.subarray(first - measureSize, first) : undefined,
    };
  });
}
