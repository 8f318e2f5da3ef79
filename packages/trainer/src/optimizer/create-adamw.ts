// Chooses the implementation of AdamW: in place in resource variables on native TensorFlow, plain operations elsewhere.
import { hasNativeOps } from "../ops/native.ts";
import type { AdamW, AdamWOptions, StartValue } from "./adamw.ts";
import { ComposedAdamW } from "./adamw-composed.ts";
import { FusedAdamW } from "./adamw-fused.ts";

export function createAdamW(start: readonly StartValue[], options: AdamWOptions): AdamW {
  return hasNativeOps() ? new FusedAdamW(start, options) : new ComposedAdamW(start, options);
}
