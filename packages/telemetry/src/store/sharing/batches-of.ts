// Which of the two implementations a store needs.
import type { Database } from "../engine/database.ts";
import type { Batches } from "./batches.ts";
import { ClaimedBatches } from "./claimed-batches.ts";
import { SoleBatches } from "./sole-batches.ts";

export function batchesOf(database: Database): Batches {
  return database.embedded ? new SoleBatches(database) : new ClaimedBatches(database);
}
