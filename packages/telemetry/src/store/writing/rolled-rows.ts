// The rows of rollups, table by table.
import type { v1 } from "@moescope/proto";
import type { Block } from "../engine/database.ts";
import { BlockWriter, type Cell, type Columns } from "../engine/native.ts";
import type { RolledTable } from "../schema/schema.ts";
import type { Rollup } from "./running-rollups.ts";

const POSITION: Columns = {
  ...{ run: "String", split: "Split", step: "UInt64", attempt: "UInt32", batch: "UInt64", width: "UInt64" },
};

const SUMMARY: Columns = {
  ...{ value_count: "UInt64", value_sum: "Float64", value_first: "Float64", value_min: "Float64" },
  ...{ value_max: "Float64", value_last: "Float64", nan_values: "UInt64" },
};

const COLUMNS: Record<RolledTable, Columns> = {
  rolled_steps: {
    ...POSITION,
    ...{
      first_step: "UInt64",
      last_step: "UInt64",
      steps: "UInt64",
      tokens: "UInt64",
      time: "Float64",
      ranks: "UInt32",
    },
  },
  rolled_scalars: { ...POSITION, name: "String", ...SUMMARY },
  rolled_layers: {
    ...{ ...POSITION, layer: "UInt32", dead_experts: "UInt64", tokens: "UInt64", dropped: "UInt64" },
    ...{ ...SUMMARY, selection_bias: "Array(Float32)" },
  },
  rolled_routing: {
    ...{ ...POSITION, layer: "UInt32", category: "UInt32", tokens: "UInt64", dropped: "UInt64" },
    ...{ counts: "Array(UInt64)", dropped_counts: "Array(UInt64)" },
  },
  rolled_gates: {
    ...{ ...POSITION, layer: "UInt32" },
    ...{ gate_mass: "Array(Float64)", mean_probability: "Array(Float32)", probability_tokens: "UInt64" },
  },
  rolled_extremes: { ...POSITION, layer: "UInt32", counts_min: "Array(UInt64)", counts_max: "Array(UInt64)" },
};

export function rollupBlocks(batch: number, rollups: readonly Rollup[]): Record<RolledTable, Block> {
  const tables = {
    rolled_steps: new BlockWriter(COLUMNS.rolled_steps),
    rolled_scalars: new BlockWriter(COLUMNS.rolled_scalars),
    rolled_layers: new BlockWriter(COLUMNS.rolled_layers),
    rolled_routing: new BlockWriter(COLUMNS.rolled_routing),
    rolled_gates: new BlockWriter(COLUMNS.rolled_gates),
    rolled_extremes: new BlockWriter(COLUMNS.rolled_extremes),
  };
  for (const rollup of rollups) addBucket(tables, batch, rollup);
  for (const group of byWidth(rollups)) {
    const layers = Math.max(...group.map(({ bucket }) => bucket.layers.length));
    // Mostly the order of the tables, which are sorted by layer before step: the engine then has less to move.
    for (let index = 0; index < layers; index++) {
      for (const rollup of group)
        addLayer(tables, batch, rollup, rollup.bucket.layers[index] as v1.LayerSummary | undefined);
    }
  }
  return {
    rolled_steps: tables.rolled_steps.block(),
    rolled_scalars: tables.rolled_scalars.block(),
    rolled_layers: tables.rolled_layers.block(),
    rolled_routing: tables.rolled_routing.block(),
    rolled_gates: tables.rolled_gates.block(),
    rolled_extremes: tables.rolled_extremes.block(),
  };
}

type Tables = Record<RolledTable, BlockWriter<Columns>>;

function byWidth(rollups: readonly Rollup[]): Rollup[][] {
  const groups = new Map<string, Rollup[]>();
  for (const rollup of rollups) {
    const key = `${rollup.bucket.run}/${rollup.bucket.split}/${rollup.width}`;
    groups.set(key, [...(groups.get(key) ?? []), rollup]);
  }
  return [...groups.values()];
}

function addBucket(tables: Tables, batch: number, { width, from, bucket }: Rollup): void {
  const { run, split, attempt, firstStep, lastStep, steps, tokens, time, ranks } = bucket;
  const position = [run, split, from, attempt, batch, width] as const;
  tables.rolled_steps.add(...position, firstStep, lastStep, steps, tokens, time, ranks);
  for (const scalar of bucket.scalars as v1.ScalarSummary[]) {
    tables.rolled_scalars.add(...position, scalar.name, ...summary(scalar));
  }
}

function addLayer(tables: Tables, batch: number, rollup: Rollup, layer: v1.LayerSummary | undefined): void {
  if (layer === undefined) return;
  const { run, split, attempt } = rollup.bucket;
  const position = [run, split, rollup.from, attempt, batch, rollup.width, layer.layer] as const;
  const { deadExperts, tokens, dropped, maxViolation, selectionBias, countsMin, countsMax } = layer;
  const values = summary(maxViolation as v1.ScalarSummary);
  tables.rolled_layers.add(...position, deadExperts, tokens, dropped, ...values, selectionBias);
  for (const load of layer.categories as v1.CategoryLoad[]) {
    const { category, tokens, dropped, counts, droppedCounts } = load;
    tables.rolled_routing.add(...position, category, tokens, dropped, counts, droppedCounts);
  }
  const { gateMass, meanProbability, probabilityTokens } = layer;
  if (gateMass.length > 0 || meanProbability.length > 0) {
    tables.rolled_gates.add(...position, gateMass, meanProbability, probabilityTokens);
  }
  tables.rolled_extremes.add(...position, countsMin, countsMax);
}

function summary({ values, sum, first, min, max, last, nanValues }: v1.ScalarSummary): Cell[] {
  return [values, sum, first, min, max, last, nanValues];
}
