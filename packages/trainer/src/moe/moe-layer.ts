// The feed-forward layer of an MoE block: routed experts, and shared experts that every token passes through.
//
// T tokens, D width, E experts, F hidden width of one expert.
import { type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { combineRows, runExperts } from "./experts.ts";
import { everyToken } from "./route-plan.ts";
import { type RouterControl, type RouterOptions, type RouterWeights, type Routing, route } from "./router.ts";

export interface MoeWeights extends RouterWeights {
  wOut_EFD: Tensor3D;
  /** All shared experts as one wide SwiGLU, [1, D, 2F'] and [1, F', D]; undefined when there are none. */
  sharedIn?: Tensor3D;
  sharedOut?: Tensor3D;
}

/** @returns the layer's output [T, D] and what its router did */
export function moeLayer(
  x_TD: Tensor2D,
  weights: MoeWeights,
  control: RouterControl,
  options: RouterOptions,
): { y_TD: Tensor2D; routing: Routing } {
  const routing = route(x_TD, weights, control, options);
  const rows_RD = runExperts(x_TD, weights.wIn_ED2F, weights.wOut_EFD, routing.plan);
  const parts = [combineRows(rows_RD, routing.gates_TE, routing.plan)];
  if (options.identityExperts > 0) parts.push(passOn(x_TD, routing.gates_TE, options));
  const { sharedIn, sharedOut } = weights;
  if (sharedIn && sharedOut) parts.push(denseFeedForward(x_TD, sharedIn, sharedOut));
  return { routing, y_TD: parts.reduce((sum, part) => tf.add(sum, part) as Tensor2D) };
}

/** Identity experts: x times the gate weights they got. */
function passOn(x_TD: Tensor2D, gates_TE: Tensor2D, { experts, identityExperts }: RouterOptions): Tensor2D {
  const gates_TZ = tf.slice(gates_TE, [0, experts - identityExperts], [-1, identityExperts]);
  return tf.mul(x_TD, tf.sum(gates_TZ, 1, true)) as Tensor2D;
}

/** SwiGLU for every token: one expert that all are routed to. */
export function denseFeedForward(x_TD: Tensor2D, wIn_1D2F: Tensor3D, wOut_1FD: Tensor3D): Tensor2D {
  return runExperts(x_TD, wIn_1D2F, wOut_1FD, everyToken(x_TD.shape[0]));
}
