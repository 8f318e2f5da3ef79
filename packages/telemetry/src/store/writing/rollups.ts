// Rollups in the database: made from the steps stored so far, each width from the one below.
//
// A rollup is a row of the batch that completed its steps. Should the batch be written again, or its mark be lost, the same rows come
// again: readers take one of them.
import { v1 } from "@moescope/proto";
import type { Database } from "../engine/database.ts";
import {
  reducedExtremes,
  reducedGates,
  reducedLayers,
  reducedRouting,
  reducedScalars,
  reducedSteps,
  type Selection,
  SUMMARY,
} from "../reading/reduction.ts";
import { piecesOf } from "../schema/pieces.ts";
import type { RolledTable } from "../schema/schema.ts";
import type { RollupTask } from "./sealing.ts";

const ROLLUPS: Record<RolledTable, { columns: readonly string[]; reduced: (selection: Selection) => string }> = {
  rolled_steps: { columns: ["first_step", "last_step", "steps", "tokens", "time", "ranks"], reduced: reducedSteps },
  rolled_scalars: { columns: ["name", ...SUMMARY], reduced: reducedScalars },
  rolled_layers: {
    columns: ["layer", "dead_experts", "tokens", "dropped", ...SUMMARY, "selection_bias"],
    reduced: reducedLayers,
  },
  rolled_routing: {
    columns: ["layer", "category", "tokens", "dropped", "counts", "dropped_counts"],
    reduced: reducedRouting,
  },
  rolled_gates: {
    columns: ["layer", "gate_mass", "mean_probability", "probability_tokens"],
    reduced: reducedGates,
  },
  rolled_extremes: { columns: ["layer", "counts_min", "counts_max"], reduced: reducedExtremes },
};

interface RollupContext {
  /** Ranks of the run. */
  ranks: number;
  /** The batch that the rows belong to. */
  batch: number;
  /** Condition that is true for rows of this batch, and of earlier ones that exist. */
  exists: string;
}

/** Rolls up the buckets of a task. */
export async function rollUp(
  task: RollupTask,
  { ranks, batch, exists }: RollupContext,
  database: Database,
): Promise<void> {
  const { run, split, attempt, exponent, formerUntil, width, spans } = task;
  // Half of the width: the pieces are then those of the width below, all of which exist.
  const pieces = spans.flatMap((span) => {
    const sealed = { spans: [span], exponent, formerUntil };
    return piecesOf(span.from, span.until, width / 2, sealed).map((piece) => ({ ...piece, attempt }));
  });
  const selection = { split, pieces, bucketWidth: width, ranks, exists };
  for (const [table, { columns, reduced }] of Object.entries(ROLLUPS)) {
    const position = `{run:String}, '${v1.Split[split]}', bucket * ${width}, ${attempt}, ${batch}, ${width}`;
    await database.insertSelected(
      table,
      ["run", "split", "step", "attempt", "batch", "width", ...columns],
      `SELECT ${position}, ${columns.join(", ")} FROM (${reduced(selection)})`,
      { run },
    );
  }
}
