// SMEBU: a bias moved by a soft-clamped, centred violation with momentum (Trinity Large).
import { byLayer, selectionBias, shortfall } from "./selection-bias.ts";
import { requireNotNegative, requireShare, type StrategyDefinition } from "./strategy.ts";

/**
 * v_e = (mean n − n_e) / mean n; Δ = λ tanh(κ v), less its mean; m ← β m + (1 − β) Δ; b ← b + m (arXiv 2602.17004). `speed` is λ,
 * `steepness` κ, `momentum` β.
 */
export const smebu: StrategyDefinition<{ speed: number; steepness: number; momentum: number }> = {
  summary: "bias with tanh and momentum (SMEBU, Trinity Large)",
  kind: "choice",
  scaled: true,
  defaults: { speed: 0.0005, steepness: 2, momentum: 0.5 },
  create({ speed, steepness, momentum }, run) {
    requireNotNegative("speed", speed);
    requireNotNegative("steepness", steepness);
    requireShare("momentum", momentum);
    const velocity = Array.from({ length: run.moeLayers }, () => new Float32Array(run.experts));
    const bias = selectionBias(run, (values, { loads }, moeLayer, step) => {
      const now = speed * (run.pace?.(step) ?? 1);
      smebuUpdate(values, velocity[moeLayer]!, loads, { speed: now, steepness, momentum });
    });
    return { ...bias, state: () => ({ ...bias.state(), ...byLayer("velocity", velocity) }) };
  },
};

/** One update of a layer's bias and of its velocity m, in place. */
export function smebuUpdate(
  bias: Float32Array,
  velocity: Float32Array,
  loads: ArrayLike<number>,
  { speed, steepness, momentum }: { speed: number; steepness: number; momentum: number },
): void {
  const moves = shortfall(loads).map((v) => speed * Math.tanh(steepness * v));
  const mean = moves.reduce((sum, move) => sum + move, 0) / moves.length;
  moves.forEach((move, expert) => {
    velocity[expert] = momentum * velocity[expert]! + (1 - momentum) * (move - mean);
    bias[expert]! += velocity[expert]!;
  });
}
