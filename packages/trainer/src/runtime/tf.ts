// The one tfjs-core instance that every backend registers with; nothing else in the package imports tfjs-core directly.
import { createRequire } from "node:module";
import type * as tfjsCore from "@tensorflow/tfjs-core";

// tfjs-node-gpu is CommonJS: an ESM import here would load a second engine that knows nothing of its backend.
export const tf: typeof tfjsCore = createRequire(import.meta.url)("@tensorflow/tfjs-core");

export type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Scalar } from "@tensorflow/tfjs-core";
