// The feed-forward layer of an MoE block: routed experts, and shared experts that every token passes through.
//
// T tokens, D width, E experts, F hidden width of one expert.
import { type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { combineRows, runExperts } from "./experts.ts";
import { everyToken } from "./route-plan.ts";
import { type RouterOptions, type Routing, route } from "./router.ts";

export interface MoeWeights {
  router_DE: Tensor2D;
  wIn_ED2F: Tensor3D;
  wOut_EFD: Tensor3D;
  /** All shared experts as one wide SwiGLU, [1, D, 2F'] and [1, F', D]; undefined when there are none. */
  sharedIn?: Tensor3D;
  sharedOut?: Tensor3D;
}

/** @returns the layer's output [T, D] and what its router did */
export function moeLayer(
  x_TD: Tensor2D,
  weights: MoeWeights,
  bias_E: Tensor1D | undefined,
  layer: number,
  options: RouterOptions,
): { y_TD: Tensor2D; routing: Routing } {
  const routing = route(x_TD, weights.router_DE, bias_E, layer, options);
  const rows_RD = runExperts(x_TD, weights.wIn_ED2F, weights.wOut_EFD, routing.plan);
  const y_TD = combineRows(rows_RD, routing.gates_TE, routing.plan);
  const { sharedIn, sharedOut } = weights;
  return { routing, y_TD: sharedIn && sharedOut ? tf.add(y_TD, denseFeedForward(x_TD, sharedIn, sharedOut)) : y_TD };
}

/** SwiGLU for every token: one expert that all are routed to. */
export function denseFeedForward(x_TD: Tensor2D, wIn_1D2F: Tensor3D, wOut_1FD: Tensor3D): Tensor2D {
  return runExperts(x_TD, wIn_1D2F, wOut_1FD, everyToken(x_TD.shape[0]));
}
