// The one tfjs namespace that every backend registers with; nothing else in the package imports tfjs directly.
import "./node-compatibility.ts";
import { createRequire } from "node:module";
import type * as tfjsCore from "@tensorflow/tfjs-core";

// tfjs-node-gpu is CommonJS, and what it requires must be what we use. The whole of tfjs rather than tfjs-core alone, because in
// Node only the former registers the gradients of its operations.
export const tf: typeof tfjsCore = createRequire(import.meta.url)("@tensorflow/tfjs");

export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
