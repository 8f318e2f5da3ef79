// A bias for each expert of each layer, moved after every step: what the strategies that choose by a bias have in common.
import type { BalancingStrategy, LayerObservation } from "./strategy.ts";

/** One update of a layer's bias, in place. */
export type BiasUpdate = (bias: Float32Array, observed: LayerObservation, moeLayer: number, step: number) => void;

/**
 * @param update called for every layer after a step, as long as `step` < `lastStep`
 * @param start value of every bias before the first update
 */
export function selectionBias(
  { moeLayers, experts }: { moeLayers: number; experts: number },
  update: BiasUpdate,
  { lastStep = Number.POSITIVE_INFINITY, start = 0 } = {},
): Required<Pick<BalancingStrategy, "selectionBias" | "afterStep" | "state">> {
  const bias = Array.from({ length: moeLayers }, () => new Float32Array(experts).fill(start));
  return {
    selectionBias: (moeLayer) => bias[moeLayer]!,
    afterStep(observed, step) {
      if (step >= lastStep) return;
      observed.forEach((layer, moeLayer) => {
        update(bias[moeLayer]!, layer, moeLayer, step);
      });
    },
    state: () => byLayer("bias", bias),
  };
}

/** Names for arrays of which every MoE layer has one. */
export function byLayer(name: string, arrays: readonly Float32Array[]): Record<string, Float32Array> {
  return Object.fromEntries(arrays.map((array, moeLayer) => [`${name}/${moeLayer}`, array]));
}

/** (mean n − n_e) / mean n for each expert: positive where an expert has too little; all 0 when nothing was chosen. */
export function shortfall(loads: ArrayLike<number>): Float64Array {
  let total = 0;
  for (let expert = 0; expert < loads.length; expert++) total += loads[expert]!;
  const mean = total / loads.length;
  return Float64Array.from({ length: loads.length }, (_, expert) => (mean > 0 ? (mean - loads[expert]!) / mean : 0));
}
