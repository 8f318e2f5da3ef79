// The MoE layers of a run, whichever version of the protocol described them.
import { moescope } from "../gen/moescope.js";

import v1 = moescope.v1;

type Described = Pick<v1.RunDescription.$Properties, "moeLayers" | "experts" | "topK" | "layers">;

/** @returns one for each MoE layer, by ascending index */
export function layersOf({ layers, moeLayers, experts = 0, topK = 0 }: Described): v1.MoeLayer[] {
  if (layers?.length) return layers.map((layer) => new v1.MoeLayer(layer)).sort((a, b) => a.index - b.index);
  return (moeLayers ?? []).map((index) => new v1.MoeLayer({ index, experts: experts ?? 0, topK: topK ?? 0 }));
}
