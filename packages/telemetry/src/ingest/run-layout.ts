// What the steps of a run are held against: its MoE layers by index, and its categories.
import { layersOf, type v1 } from "@moescope/proto";

export interface RunLayout {
  layers: ReadonlyMap<number, v1.MoeLayer>;
  categories: readonly string[];
}

/** A description does not change: what is added to a run makes another one. */
const layouts = new WeakMap<v1.RunDescription, RunLayout>();

/** Laid out once for each description: a step has a histogram for hundreds of layers. */
export function layoutOf(run: v1.RunDescription): RunLayout {
  const known = layouts.get(run);
  if (known !== undefined) return known;
  const layers = new Map(layersOf(run).map((layer) => [layer.index, layer]));
  const layout = { layers, categories: run.categories };
  layouts.set(run, layout);
  return layout;
}
