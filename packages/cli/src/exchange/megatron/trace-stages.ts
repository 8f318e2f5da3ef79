// Which layer of the whole model a rank of a routing trace means.
//
// Megatron-LM counts layers from 0 in every pipeline stage, and stages are the outermost part of a rank (rank-grid.ts says where that stands).
// Other writers number the layers of the whole model. Where ranks have the same numbers, nothing in a trace tells one layer, whose tokens the
// ranks share, from a layer of each of their stages: then the user must say.
import { Failure, WrongUse } from "../../failure.ts";
import type { TraceFile } from "./trace-file.ts";

/** Index of a layer in the whole model, by the rank and its own number of the layer. */
export type LayerOf = (rank: number, layer: number) => number;

/**
 * @param files with a decoder's layers, those that repeat another's tokens left out
 * @param lastRank of all files
 * @param stageLayers transformer blocks of each pipeline stage, dense ones too
 * @throws WrongUse when the stages must be said; Failure when they cannot be what was said
 */
export function traceLayers(
  files: readonly TraceFile[],
  lastRank: number,
  stageLayers: readonly number[] | undefined,
): LayerOf {
  if (stageLayers !== undefined) return ofStages(files, lastRank, stageLayers);
  const sets = new Map(files.map((file) => [[...file.layers].sort((a, b) => a - b).join(), file]));
  const numbers = [...sets.values()].flatMap(({ layers }) => [...layers]);
  const isOfWholeModel = sets.size > 1 && new Set(numbers).size === numbers.length;
  if (files.length === 1 || isOfWholeModel) return (_, layer) => layer;
  throw new WrongUse(ambiguous(files));
}

function ambiguous(files: readonly TraceFile[]): string {
  const [layer, one, other] = firstShared(files);
  const blocks = files.reduce((most, { layers }) => Math.max(most, ...layers), 0) + 1;
  return `Ranks ${one} and ${other} both have a layer ${layer}, and a trace does not say whether it is one layer, whose tokens they share, or one of each pipeline stage, which Megatron-LM counts from 0. Say the transformer blocks of each stage: --stage-layers ${blocks} for one stage, --stage-layers ${blocks},${blocks} for two`;
}

function firstShared(files: readonly TraceFile[]): [layer: number, one: number, other: number] {
  const first = new Map<number, number>();
  for (const { rank, layers } of files) {
    for (const layer of layers) {
      const one = first.get(layer);
      if (one !== undefined) return [layer, one, rank];
      first.set(layer, rank);
    }
  }
  throw new Error("No two ranks share a layer");
}

function ofStages(files: readonly TraceFile[], lastRank: number, stages: readonly number[]): LayerOf {
  const ranks = lastRank + 1;
  if (ranks % stages.length !== 0)
    throw new Failure(`There are ${ranks} ranks, no multiple of the ${stages.length} stages of --stage-layers`);
  const stageOf = (rank: number) => Math.floor(rank / (ranks / stages.length));
  const offsets = stages.map((_, stage) => stages.slice(0, stage).reduce((sum, layers) => sum + layers, 0));
  const outside = (offset: (stage: number) => number) =>
    files.find(({ rank, layers }) => {
      const from = offset(stageOf(rank));
      return [...layers].some((layer) => layer < from || layer >= from + stages[stageOf(rank)]!);
    });
  const wrong = outside(() => 0);
  if (wrong === undefined) return (rank, layer) => offsets[stageOf(rank)]! + layer;
  if (outside((stage) => offsets[stage]!) === undefined) return (_, layer) => layer;
  const stage = stageOf(wrong.rank);
  throw new Failure(
    `${wrong.path} has a layer ${Math.max(...wrong.layers)}, but --stage-layers gives its stage, ${stage}, ${stages[stage]}`,
  );
}
