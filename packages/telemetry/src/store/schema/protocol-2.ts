// Migrations for what protocol 2 sends.
import type { Migration } from "./schema.ts";

const SPLIT = "Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3, 'ROLLOUT' = 4)";

/** Tables up to version 16 that say of every row which split it is of. */
const TABLES_WITH_SPLIT = [
  ...["steps", "routing", "layers", "attention", "heads", "saturation"],
  ...["rolled_steps", "rolled_scalars", "rolled_layers", "rolled_routing", "rolled_extremes", "sealed"],
];

export const PROTOCOL_2: Migration[] = [
  {
    version: 17,
    statements: TABLES_WITH_SPLIT.map((table) => `ALTER TABLE ${table} MODIFY COLUMN split ${SPLIT}`),
  },
];
