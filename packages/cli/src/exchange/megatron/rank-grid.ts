// Which pipeline stage, and which experts, a rank of Megatron-LM has.
//
// Order of ranks: NVIDIA/Megatron-LM, megatron/core/parallel_state.py, `expert_decoder_rank_generator` at commit d98e8a64, with the default
// order tp-cp-ep-dp-pp: rank = copy + expertTensorParallel × (expertRank + expertParallel × (replica + replicas × stage)). A rank holds the
// experts from expertRank × its number of experts on (megatron/core/transformer/moe/moe_layer.py, `local_expert_indices`).
import { Failure, WrongUse } from "../../failure.ts";
import type { RankFile } from "./rank-file.ts";

/** What the user knows of how the run was spread, and the files do not say. */
export interface Spread {
  /** Experts of a layer, on all ranks together; needed where there are several. */
  experts?: number;
  /** Transformer blocks of each pipeline stage, dense ones too; absent: one stage. */
  stageLayers?: readonly number[];
  /** Ranks that hold slices of the same experts, and write the same counts. */
  expertTensorParallel: number;
}

export interface Place {
  stage: number;
  /** Index of the first expert that the rank holds. */
  firstExpert: number;
  /** 0 for the one that is counted, of ranks that hold slices of the same experts. */
  copy: number;
}

export interface RankGrid {
  experts: number;
  /** Ranks of one stage. */
  perStage: number;
  place(rank: number): Place;
  /** How many MoE layers a stage has. */
  moeLayers(stage: number): number;
  /** Index in the whole model. @throws Failure when the stage has no such layer */
  layer(stage: number, layer: number): number;
}

/**
 * @param lastRank of all files, those without the decoder's experts too
 * @throws WrongUse or Failure when the files cannot be those of a run that is spread so
 */
export function rankGrid(files: readonly RankFile[], lastRank: number, spread: Spread): RankGrid {
  const held = heldBy(files);
  if (spread.experts === undefined && files.length > 1)
    throw new WrongUse(
      "--format megatron-tokens needs --experts: with expert parallelism a rank's file has its own experts alone",
    );
  const { experts = held, expertTensorParallel: copies, stageLayers: stages = [Number.POSITIVE_INFINITY] } = spread;
  if (experts % held !== 0)
    throw new Failure(`A rank holds ${held} experts, of which --experts ${experts} is no multiple`);
  const group = copies * (experts / held);
  const perStage = Math.ceil((lastRank + 1) / stages.length);
  if (perStage % group !== 0) throw new Failure(oddStage(perStage, group, experts, held));
  refuseHoles(files, perStage);
  const offsets = stages.map((_, stage) => stages.slice(0, stage).reduce((sum, layers) => sum + layers, 0));
  const stageOf = (rank: number) => Math.floor(rank / perStage);
  const moeLayers = stages.map((_, stage) => layersOf(files.filter(({ rank }) => stageOf(rank) === stage)));
  return {
    ...{ experts, perStage, moeLayers: (stage) => moeLayers[stage]! },
    place: (rank) => ({
      stage: stageOf(rank),
      firstExpert: held * (Math.floor((rank % perStage) / copies) % (experts / held)),
      copy: rank % copies,
    }),
    layer: (stage, layer) => {
      if (layer < stages[stage]!) return offsets[stage]! + layer;
      throw new Failure(`Stage ${stage} has a layer ${layer}, but --stage-layers gives it ${stages[stage]}`);
    },
  };
}

function layersOf(files: readonly RankFile[]): number {
  return new Set(files.flatMap(({ layers }) => [...layers])).size;
}

function heldBy(files: readonly RankFile[]): number {
  const [{ experts, path }, ...others] = files as [RankFile, ...RankFile[]];
  const odd = others.find((file) => file.experts !== experts);
  if (odd) throw new Failure(`${odd.path} has counts of ${odd.experts} experts, but ${path} of ${experts}`);
  return experts;
}

function oddStage(perStage: number, group: number, experts: number, held: number): string {
  const why = `${experts} experts, ${held} of them on a rank, need a multiple of ${group}`;
  return `There are files of ${perStage} ranks for each pipeline stage, but ${why}: are files missing?`;
}

/** A stage without MoE layers has no files; any other has those of all its ranks. Work is by file, whatever the ranks are called. */
function refuseHoles(files: readonly RankFile[], perStage: number): void {
  const stages = new Map<number, number[]>();
  for (const { rank } of files) {
    const stage = Math.floor(rank / perStage);
    stages.set(stage, [...(stages.get(stage) ?? []), rank % perStage]);
  }
  for (const [stage, places] of stages) {
    if (places.length === perStage) continue;
    const hole = places.findIndex((place, index) => place !== index);
    const missing = stage * perStage + (hole < 0 ? places.length : hole);
    throw new Failure(
      `There are no counts of rank ${missing}, though of others of its pipeline stage: is its file missing?`,
    );
  }
}
