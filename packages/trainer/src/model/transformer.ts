// A decoder-only transformer whose feed-forward layers are Mixtures of Experts.
//
// T tokens = B sequences × S positions, D width, V vocabulary, E experts, F hidden width of one expert, P values of an image patch.

import type { StrategyDefinition } from "../balancing/strategy.ts";
import { denseFeedForward, type MoeWeights, moeLayer } from "../moe/moe-layer.ts";
import type { RouterControl, RouterOptions, Routing } from "../moe/router.ts";
import { causalAttention, type RotaryTables } from "../ops/attention.ts";
import { embed } from "../ops/embedding.ts";
import { matrixProduct } from "../ops/matrix-product.ts";
import { rmsNorm } from "../ops/rms-norm.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";

export interface ModelOptions extends RouterOptions {
  vocabulary: number;
  /** Values of an image patch; 0 for text alone. */
  patchSize: number;
  layers: number;
  /** Layers before the first MoE layer; their feed-forward is dense and as wide as the active experts of an MoE layer. */
  denseLayers: number;
  width: number;
  heads: number;
  /** Hidden width F of one expert. */
  expertWidth: number;
  sharedExperts: number;
}

export interface ParameterSpec {
  name: string;
  shape: number[];
  /** Standard deviation of its normal start values; "ones" for gains, "orthogonal" for columns of length 1 at right angles. */
  start: number | "ones" | "orthogonal";
  /** Whether weight decay applies. */
  decay: boolean;
}

/** Blocks that have an MoE layer, ascending. */
export function moeLayersOf({ layers, denseLayers }: ModelOptions): number[] {
  return Array.from({ length: layers - denseLayers }, (_, i) => denseLayers + i);
}

type RouterNeeds = StrategyDefinition["router"];

/**
 * Every parameter of the model, in the order in which `forward` is given them.
 *
 * @param routerOf what the strategy needs of the router of each MoE layer
 */
export function parameterSpecs(
  model: ModelOptions,
  routerOf: (moeLayer: number) => RouterNeeds = () => undefined,
): ParameterSpec[] {
  const { vocabulary, patchSize, width, layers } = model;
  return [
    { name: "embedding", shape: [vocabulary, width], start: 1, decay: false },
    ...(patchSize > 0 ? [matrix("patches", [patchSize, width])] : []),
    ...Array.from({ length: layers }, (_, layer) =>
      blockSpecs(model, layer, routerOf(layer - model.denseLayers)),
    ).flat(),
    { name: "norm", shape: [width], start: "ones", decay: false },
    matrix("head", [width, vocabulary], 0.1),
  ];
}

function blockSpecs(model: ModelOptions, layer: number, router: RouterNeeds): ParameterSpec[] {
  const { width, layers, denseLayers, experts, identityExperts, topK, sharedExperts, expertWidth } = model;
  // Outputs that add to the residual stream start smaller the more of them there are (GPT-2).
  const residual = 1 / Math.sqrt(2 * layers);
  const feedForward = (name: string, count: number, hidden: number) => [
    matrix(`${name}.in`, [count, width, 2 * hidden]),
    matrix(`${name}.out`, [count, hidden, width], residual),
  ];
  const moe = () => [
    ...routerSpecs(width, experts, router),
    ...feedForward("experts", experts - identityExperts, expertWidth),
    ...(sharedExperts > 0 ? feedForward("shared", 1, sharedExperts * expertWidth) : []),
  ];
  return [
    { name: "attention.norm", shape: [width], start: "ones" as const, decay: false },
    matrix("attention.qkv", [width, 3 * width]),
    matrix("attention.out", [width, width], residual),
    { name: "feedforward.norm", shape: [width], start: "ones" as const, decay: false },
    ...(layer < denseLayers ? feedForward("dense", 1, (topK + sharedExperts) * expertWidth) : moe()),
  ].map((spec) => ({ ...spec, name: `block${layer}.${spec.name}` }));
}

function routerSpecs(width: number, experts: number, router: RouterNeeds): ParameterSpec[] {
  if (router?.learned === false) return [];
  const weights = matrix("router", [width, experts], router?.zeros ? 0 : 1);
  return [
    router?.orthogonal ? { ...weights, start: "orthogonal" } : weights,
    ...(router?.noise ? [matrix("router.noise", [width, experts], 0)] : []),
  ];
}

/** A matrix (or one for each expert) that keeps the variance of its input, times `scale`. */
function matrix(name: string, shape: number[], scale = 1): ParameterSpec {
  return { name, shape, start: scale / Math.sqrt(shape.at(-2)!), decay: true };
}

export interface ModelInput {
  /** int32, sequence after sequence; 0 where a patch stands. */
  tokens_T: Tensor1D;
  /** Values of the image patch at each position, zeros elsewhere. */
  patches_TP?: Tensor2D;
}

export interface ForwardResult {
  logits_TV: Tensor2D;
  /** One for each MoE layer. */
  routings: Routing[];
  /** Of every layer, as `causalAttention` takes them. */
  qkvs_T3D: Tensor2D[];
}

/**
 * @param parameters by name, as `parameterSpecs` lists them
 * @param controls who chooses in each MoE layer
 */
export function forward(
  model: ModelOptions,
  parameters: ReadonlyMap<string, Tensor>,
  input: ModelInput,
  rotary: RotaryTables,
  controls: readonly RouterControl[],
): ForwardResult {
  const get = <T extends Tensor>(name: string) => parameters.get(name) as T;
  const routings: Routing[] = [];
  const qkvs_T3D: Tensor2D[] = [];
  let x_TD = embedInput(input, get("embedding"), parameters.get("patches") as Tensor2D | undefined);
  for (let layer = 0; layer < model.layers; layer++) {
    const block = <T extends Tensor>(name: string) => get<T>(`block${layer}.${name}`);
    const qkv_T3D = matrixProduct(rmsNorm(x_TD, block("attention.norm")), block<Tensor2D>("attention.qkv"));
    qkvs_T3D.push(qkv_T3D);
    const attended_TD = causalAttention(qkv_T3D, rotary, model.heads);
    x_TD = add(x_TD, matrixProduct(attended_TD, block<Tensor2D>("attention.out")));

    const normed_TD = rmsNorm(x_TD, block("feedforward.norm"));
    if (layer < model.denseLayers) {
      x_TD = add(x_TD, denseFeedForward(normed_TD, block("dense.in"), block("dense.out")));
      continue;
    }
    const { y_TD, routing } = moeLayer(normed_TD, moeWeights(block), controls[layer - model.denseLayers]!, model);
    routings.push(routing);
    x_TD = add(x_TD, y_TD);
  }
  return { logits_TV: matrixProduct(rmsNorm(x_TD, get("norm")), get<Tensor2D>("head")), routings, qkvs_T3D };
}

/** At the place of a patch, the embedding of token 0 marks that it is one. */
function embedInput({ tokens_T, patches_TP }: ModelInput, table_VD: Tensor2D, projection_PD?: Tensor2D): Tensor2D {
  const x_TD = embed(table_VD, tokens_T);
  return patches_TP && projection_PD ? add(x_TD, matrixProduct(patches_TP, projection_PD)) : x_TD;
}

function add(a: Tensor2D, b: Tensor2D): Tensor2D {
  return tf.add(a, b) as Tensor2D;
}

function moeWeights(block: <T extends Tensor>(name: string) => T): MoeWeights {
  return {
    router_DE: block("router"),
    noise_DE: block("router.noise"),
    wIn_ED2F: block("experts.in"),
    wOut_EFD: block("experts.out"),
    sharedIn: block<Tensor3D>("shared.in"),
    sharedOut: block<Tensor3D>("shared.out"),
  };
}
