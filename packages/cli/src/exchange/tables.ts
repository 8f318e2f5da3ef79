// What is exported, as tables in long form: their columns, documented, and the rows of a step.
import type { v1 } from "@moescope/proto";
import { splitName } from "./step-pages.ts";

/** `whole` is a 64-bit integer, `real` a 64-bit float that may be NaN. Only a column that says so may be null. */
export interface Column {
  name: string;
  type: "text" | "whole" | "real";
  nullable?: boolean;
  about: string;
}

export type Cell = string | number | null;

export interface Table {
  name: string;
  /** What one row is. */
  about: string;
  columns: readonly Column[];
  /** @param categories names of the run's categories, by index */
  rows(bucket: v1.StepBucket, categories: readonly string[]): Iterable<readonly Cell[]>;
}

const position: readonly Column[] = [
  { name: "run", type: "text", about: "id of the run" },
  { name: "split", type: "text", about: "train, eval, probe or rollout" },
  { name: "attempt", type: "whole", about: "stretch of the run between (re)starts, from 0" },
  { name: "step", type: "whole", about: "index of the optimizer update, from 0" },
];

const layer: Column = { name: "layer", type: "whole", about: "index of the transformer block" };
const category: Column = { name: "category", type: "text", about: "name of the token category" };
const expert: Column = { name: "expert", type: "whole", about: "index of the expert, from 0" };
const tokens: Column = { name: "tokens", type: "whole", about: "tokens routed" };
const dropped: Column = {
  name: "dropped",
  type: "whole",
  about: "assignments not carried out because an expert was at capacity",
};

const steps: Table = {
  name: "steps",
  about: "one step, all ranks added up",
  columns: [
    ...position,
    { name: "tokens", type: "whole", about: "training tokens seen up to and including this step" },
    { name: "time", type: "real", about: "end of the step, in milliseconds since the Unix epoch" },
  ],
  *rows(bucket) {
    yield [...positionOf(bucket), bucket.tokens, bucket.time];
  },
};

const scalars: Table = {
  name: "scalars",
  about: "one scalar of one step",
  columns: [
    ...position,
    { name: "name", type: "text", about: "as the trainer sent it: loss, loss/<part>, learning_rate, …" },
    { name: "value", type: "real", about: "mean over the ranks that sent a number; NaN when none did" },
  ],
  *rows(bucket) {
    for (const { name, ...summary } of bucket.scalars) yield [...positionOf(bucket), name, meanOf(summary)];
  },
};

const layers: Table = {
  name: "layers",
  about: "one MoE layer in one step",
  columns: [
    ...position,
    layer,
    { name: "max_violation", type: "real", about: "MaxVio (batch): (max load - mean load) / mean load" },
    { name: "dead_experts", type: "whole", about: "experts with less than 1 % of the mean load" },
    tokens,
    dropped,
  ],
  *rows(bucket) {
    for (const { layer, maxViolation, deadExperts, tokens, dropped } of bucket.layers) {
      yield [...positionOf(bucket), layer, meanOf(maxViolation), deadExperts, tokens, dropped];
    }
  },
};

const categories: Table = {
  name: "categories",
  about: "one token category in one MoE layer and step; a category without tokens has no row",
  columns: [...position, layer, category, tokens, dropped],
  *rows(bucket, names) {
    for (const { layer, categories } of bucket.layers) {
      for (const { category, tokens, dropped } of categories) {
        yield [...positionOf(bucket), layer, names[category]!, tokens, dropped];
      }
    }
  },
};

const routing: Table = {
  name: "routing",
  about: "one expert's load from one token category, in one MoE layer and step; a category without tokens has no row",
  columns: [
    ...position,
    layer,
    category,
    expert,
    { name: "count", type: "whole", about: "token-to-expert assignments, over all ranks" },
    {
      name: "dropped",
      type: "whole",
      nullable: true,
      about:
        "those of count that were not carried out because the expert was at capacity; null from a sender that does not say whose they were, and then count leaves them out",
    },
    {
      name: "tokens",
      type: "whole",
      about: "tokens of the category in the layer and step, the same for all its experts",
    },
    {
      name: "selection_bias",
      type: "real",
      nullable: true,
      about: "bias of the expert when it is chosen, the same for all categories; null for strategies without one",
    },
  ],
  *rows(bucket, names) {
    const start = positionOf(bucket);
    for (const { layer, categories, selectionBias } of bucket.layers) {
      for (const { category, counts, tokens, droppedCounts, dropped } of categories) {
        const unknown = dropped === 0 ? 0 : null;
        for (let expert = 0; expert < counts.length; expert++) {
          const load = [counts[expert]!, droppedCounts[expert] ?? unknown, tokens];
          yield [...start, layer, names[category]!, expert, ...load, selectionBias[expert] ?? null];
        }
      }
    }
  },
};

const gates: Table = {
  name: "gates",
  about: "one expert's gates in one MoE layer and step, over all categories; a layer without either has no row",
  columns: [
    ...position,
    layer,
    expert,
    {
      name: "gate_mass",
      type: "real",
      nullable: true,
      about:
        "sum over tokens and ranks of the gate weight given to the expert, to 8 significant bits a rank; null when not known",
    },
    {
      name: "mean_probability",
      type: "real",
      nullable: true,
      about: "mean over tokens of the router's normalised score, to 8 significant bits a rank; null when not known",
    },
  ],
  *rows(bucket) {
    const start = positionOf(bucket);
    for (const { layer, gateMass, meanProbability } of bucket.layers) {
      for (let expert = 0; expert < Math.max(gateMass.length, meanProbability.length); expert++) {
        yield [...start, layer, expert, gateMass[expert] ?? null, meanProbability[expert] ?? null];
      }
    }
  },
};

export const tables: readonly Table[] = [steps, scalars, layers, categories, routing, gates];

function positionOf({ run, split, attempt, firstStep }: v1.StepBucket): Cell[] {
  return [run, splitName(split), attempt, firstStep];
}

/** Of one step: over its ranks. */
export function meanOf(summary: Pick<v1.ScalarSummary.$Properties, "sum" | "values"> | null | undefined): number {
  return summary?.values ? (summary.sum ?? 0) / summary.values : Number.NaN;
}
