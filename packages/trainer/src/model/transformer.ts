// A decoder-only transformer whose feed-forward layers are Mixtures of Experts.
//
// T tokens = B sequences × S positions, D width, V vocabulary, E experts, F hidden width of one expert.
import { denseFeedForward, type MoeWeights, moeLayer } from "../moe/moe-layer.ts";
import type { RouterOptions, Routing } from "../moe/router.ts";
import { causalAttention, type RotaryTables } from "../ops/attention.ts";
import { embed } from "../ops/embedding.ts";
import { matrixProduct } from "../ops/matrix-product.ts";
import { rmsNorm } from "../ops/rms-norm.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";

export interface ModelOptions extends RouterOptions {
  vocabulary: number;
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
  /** Standard deviation of its normal start values; "ones" for gains. */
  start: number | "ones";
  /** Whether weight decay applies. */
  decay: boolean;
}

/** Blocks that have an MoE layer, ascending. */
export function moeLayersOf({ layers, denseLayers }: ModelOptions): number[] {
  return Array.from({ length: layers - denseLayers }, (_, i) => denseLayers + i);
}

/** Every parameter of the model, in the order in which `forward` is given them. */
export function parameterSpecs(model: ModelOptions): ParameterSpec[] {
  const { vocabulary, width, layers } = model;
  return [
    { name: "embedding", shape: [vocabulary, width], start: 1, decay: false },
    ...Array.from({ length: layers }, (_, layer) => blockSpecs(model, layer)).flat(),
    { name: "norm", shape: [width], start: "ones", decay: false },
    matrix("head", [width, vocabulary], 0.1),
  ];
}

function blockSpecs(model: ModelOptions, layer: number): ParameterSpec[] {
  const { width, layers, denseLayers, experts, topK, sharedExperts, expertWidth } = model;
  // Outputs that add to the residual stream start smaller the more of them there are (GPT-2).
  const residual = 1 / Math.sqrt(2 * layers);
  const feedForward = (name: string, count: number, hidden: number) => [
    matrix(`${name}.in`, [count, width, 2 * hidden]),
    matrix(`${name}.out`, [count, hidden, width], residual),
  ];
  const moe = () => [
    matrix("router", [width, experts]),
    ...feedForward("experts", experts, expertWidth),
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

/** A matrix (or one for each expert) that keeps the variance of its input, times `scale`. */
function matrix(name: string, shape: number[], scale = 1): ParameterSpec {
  return { name, shape, start: scale / Math.sqrt(shape.at(-2)!), decay: true };
}

export interface ForwardResult {
  logits_TV: Tensor2D;
  /** One for each MoE layer. */
  routings: Routing[];
}

/**
 * @param parameters by name, as `parameterSpecs` lists them
 * @param tokens_T int32, sequence after sequence
 * @param bias selection bias of each MoE layer; undefined for strategies without one
 */
export function forward(
  model: ModelOptions,
  parameters: ReadonlyMap<string, Tensor>,
  tokens_T: Tensor1D,
  rotary: RotaryTables,
  bias: ReadonlyArray<Tensor1D | undefined>,
): ForwardResult {
  const get = <T extends Tensor>(name: string) => parameters.get(name) as T;
  const routings: Routing[] = [];
  let x_TD = embed(get("embedding"), tokens_T);
  for (let layer = 0; layer < model.layers; layer++) {
    const block = <T extends Tensor>(name: string) => get<T>(`block${layer}.${name}`);
    const qkv_T3D = matrixProduct(rmsNorm(x_TD, block("attention.norm")), block<Tensor2D>("attention.qkv"));
    const attended_TD = causalAttention(qkv_T3D, rotary, model.heads);
    x_TD = add(x_TD, matrixProduct(attended_TD, block<Tensor2D>("attention.out")));

    const normed_TD = rmsNorm(x_TD, block("feedforward.norm"));
    if (layer < model.denseLayers) {
      x_TD = add(x_TD, denseFeedForward(normed_TD, block("dense.in"), block("dense.out")));
      continue;
    }
    const { y_TD, routing } = moeLayer(normed_TD, moeWeights(block), bias[layer - model.denseLayers], layer, model);
    routings.push(routing);
    x_TD = add(x_TD, y_TD);
  }
  return { logits_TV: matrixProduct(rmsNorm(x_TD, get("norm")), get<Tensor2D>("head")), routings };
}

function add(a: Tensor2D, b: Tensor2D): Tensor2D {
  return tf.add(a, b) as Tensor2D;
}

function moeWeights(block: <T extends Tensor>(name: string) => T): MoeWeights {
  return {
    router_DE: block("router"),
    wIn_ED2F: block("experts.in"),
    wOut_EFD: block("experts.out"),
    sharedIn: block<Tensor3D>("shared.in"),
    sharedOut: block<Tensor3D>("shared.out"),
  };
}
