// One description of a run out of those that its ranks and attempts send: each may know layers and categories that others do not.
import { layersOf, v1 } from "@moescope/proto";

/** A description, and the newest attempt that has sent it. */
export interface Described {
  description: v1.RunDescription;
  attempt: number;
}

/** What a run keeps for ever, besides the layers and categories that it has. */
const FIXED = ["recipe", "strategy", "seed", "ranks"] as const;
const OF_LAYER = ["experts", "topK", "identityExperts", "group", "expertsChoose"] as const;

/** How two descriptions contradict each other. */
export interface Contradiction {
  /** What of the run it is about. */
  what: string;
  known: unknown;
  sent: unknown;
}

/**
 * Describes the layers in the fields of both protocols, whichever the sender speaks: readers of protocol 1 see the most experts and the
 * highest top-k of any layer.
 *
 * @param run is filled in
 */
export function describeLayersTwice(run: v1.RunDescription): v1.RunDescription {
  const layers = run.layers.length > 0 ? run.layers : layersOf(run);
  if (layers.length === 0) return run;
  const most = (of: "experts" | "topK") => layers.reduce((most, layer) => Math.max(most, layer[of]), 0);
  const moeLayers = layers.map(({ index }) => index);
  return Object.assign(run, { layers, moeLayers, experts: most("experts"), topK: most("topK") });
}

/**
 * Adds up two descriptions of one run whose layers are described twice. The newest attempt's is kept, and of two of the same attempt the
 * first; layers and categories are those of both.
 *
 * @returns `known` itself when the other says nothing new
 */
export function merged(known: Described, sent: Described): Described | Contradiction {
  const contradiction = contradictionOf(known.description, sent.description);
  if (contradiction !== undefined) return contradiction;
  const [of, other] = [known.description, sent.description];
  const newer = sent.attempt > known.attempt;
  const moreCategories = other.categories.length > of.categories.length;
  const layers = new Map(of.layers.map((layer) => [layer.index, layer]));
  const newLayers = other.layers.filter(({ index }) => !layers.has(index));
  if (!newer && !moreCategories && newLayers.length === 0) return known;

  const description = copied(newer ? other : of);
  description.categories = moreCategories ? other.categories : of.categories;
  description.layers = [...of.layers, ...newLayers].sort((a, b) => a.index - b.index);
  return { description: describeLayersTwice(description), attempt: Math.max(known.attempt, sent.attempt) };
}

export function isContradiction(result: Described | Contradiction): result is Contradiction {
  return "what" in result;
}

function contradictionOf(known: v1.RunDescription, sent: v1.RunDescription): Contradiction | undefined {
  const changed = FIXED.find((field) => known[field] !== sent[field]);
  if (changed !== undefined) return { what: changed, known: known[changed], sent: sent[changed] };
  const shorter = Math.min(known.categories.length, sent.categories.length);
  for (let index = 0; index < shorter; index++) {
    const [before, now] = [known.categories[index], sent.categories[index]];
    if (before !== now) return { what: `category ${index}`, known: before, sent: now };
  }
  const layers = new Map(known.layers.map((layer) => [layer.index, layer]));
  for (const layer of sent.layers) {
    const before = layers.get(layer.index);
    const field = before && OF_LAYER.find((field) => before[field] !== layer[field]);
    if (field === undefined) continue;
    return { what: `layer ${layer.index}: ${FIELD_NAMES[field]}`, known: before![field], sent: layer[field] };
  }
  return undefined;
}

/** As the schema calls them. */
const FIELD_NAMES: Record<(typeof OF_LAYER)[number], string> = {
  ...{ experts: "experts", topK: "top_k", identityExperts: "identity_experts", group: "group" },
  expertsChoose: "experts_choose",
};

/** With the fields that only a newer version knows. */
function copied(run: v1.RunDescription): v1.RunDescription {
  return v1.RunDescription.decode(v1.RunDescription.encode(run).finish());
}
