// Migrations for what protocol 2 sends.
import type { Migration } from "./migration.ts";

const SPLIT = "Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3, 'ROLLOUT' = 4)";

/** Tables up to version 16 that say of every row which split it is of. */
const TABLES_WITH_SPLIT = [
  ...["steps", "routing", "layers", "attention", "heads", "saturation"],
  ...["rolled_steps", "rolled_scalars", "rolled_layers", "rolled_routing", "rolled_extremes", "sealed"],
];

/** Gate mass and mean probability are stored in bfloat16: numbers of 16 bits that begin as those of 32 do. */
const FLOATS = ["gate_mass", "mean_probability"] as const;

/** Tells rows of `gates` apart. */
const GATES_KEY = ["run", "split", "layer", "step", "attempt", "rank", "batch"] as const;

/** Widths of rollups up to version 16 where every step is sent. */
const WIDTHS = [16, 32, 128, 1024, 8192, 65_536, 524_288];

const POSITION = `
  run     LowCardinality(String),
  split   ${SPLIT},
  step    UInt64 CODEC(Delta, LZ4),
  attempt UInt32,
  batch   UInt64 CODEC(Delta, LZ4)`;

const SETTINGS = "non_replicated_deduplication_window = 1000, index_granularity = 512";
// As for `routing`.
const PARTS = "max_bytes_to_merge_at_max_space_in_pool = 134217728, max_avg_part_size_for_too_many_parts = 33554432";

// A base that many rows share or a base of the row's own, and a byte above it, as counts have (split-counts.ts): half of what bfloat16
// takes by itself.
function floatColumns(name: string): string {
  const bases = `arrayConcat(${name}_base, reinterpret(${name}_shared_base, 'Array(UInt16)'))`;
  const float = "reinterpretAsFloat32(bitShiftLeft(toUInt32(low + high), 16))";
  return `
        ${name}_shared_base LowCardinality(String) CODEC(ZSTD(1)),
        ${name}_base        Array(UInt16) CODEC(ZSTD(1)),
        ${name}_above       Array(UInt8) CODEC(ZSTD(1)),
        ${name}             Array(Float32) ALIAS arrayMap((low, high) -> ${float}, ${bases}, ${name}_above)`;
}

/** Rounds to nearest, and to even where two are as near; NaN stays NaN. */
function bfloat16(values: string): string {
  const bits = "toUInt64(reinterpretAsUInt32(toFloat32(value)))";
  const rounded = `bitShiftRight(${bits} + 32767 + bitAnd(bitShiftRight(${bits}, 16), 1), 16)`;
  return `arrayMap(value -> toUInt16(if(isNaN(value), 32704, ${rounded})), ${values})`;
}

/** Bounded memory: rows of these tables are wide. */
const IN_ORDER = `SETTINGS optimize_aggregation_in_order = 1, max_threads = 1, max_block_size = 2048,
        min_insert_block_size_bytes = 33554432, insert_deduplicate = 0`;

/** What `routing` held for each category. Their sum; their mean by tokens. */
function movedGates(database: string): string {
  const means = "sumForEach(arrayMap(mean -> mean * r.tokens, r.mean_probability))";
  return `INSERT INTO ${database}.gates (run, split, step, attempt, batch, layer, rank, tokens,
        gate_mass_base, gate_mass_above, mean_probability_base, mean_probability_above)
      SELECT run, split, step, attempt, batch, layer, rank, all_tokens,
        ${bfloat16("masses")} AS mass_base, arrayWithConstant(length(mass_base), 0),
        ${bfloat16("if(all_tokens = 0, [], arrayMap(sum -> sum / all_tokens, sums))")} AS mean_base, arrayWithConstant(length(mean_base), 0)
      FROM (
        SELECT r.run AS run, r.split AS split, r.layer AS layer, r.step AS step, r.attempt AS attempt, r.batch AS batch, r.rank AS rank,
          sumIf(r.tokens, notEmpty(r.mean_probability)) AS all_tokens, sumForEach(r.gate_mass) AS masses, ${means} AS sums
        FROM ${database}.routing AS r WHERE notEmpty(r.gate_mass) OR notEmpty(r.mean_probability)
        GROUP BY run, split, layer, step, attempt, batch, rank
      ) ${IN_ORDER}`;
}

/** For the rollups that exist. Another collector may be moving the same rows at this moment, so each is taken once. */
function movedRollups(database: string, width: number): string {
  const once = `SELECT ${GATES_KEY.join(", ")}, any(tokens) AS tokens, any(gate_mass) AS gate_mass, any(mean_probability) AS mean_probability
          FROM ${database}.gates GROUP BY ${GATES_KEY.join(", ")}`;
  const means = "sumForEach(arrayMap(mean -> mean * g.tokens, g.mean_probability))";
  return `INSERT INTO ${database}.rolled_gates (run, split, step, attempt, batch, width, layer, gate_mass, mean_probability, probability_tokens)
      SELECT s.run, s.split, s.start, s.attempt, r.batch, ${width}, s.layer, s.masses,
        if(s.all_tokens = 0, [], arrayMap(sum -> sum / s.all_tokens, s.sums)), s.all_tokens
      FROM (
        SELECT g.run AS run, g.split AS split, g.layer AS layer, intDiv(g.step, ${width}) * ${width} AS start, g.attempt AS attempt,
          sumForEach(g.gate_mass) AS masses, ${means} AS sums, sumIf(g.tokens, notEmpty(g.mean_probability)) AS all_tokens
        FROM (${once}) AS g GROUP BY run, split, layer, start, attempt
      ) AS s
      INNER JOIN (SELECT run, split, layer, step, attempt, batch FROM ${database}.rolled_layers WHERE width = ${width}) AS r
      ON s.run = r.run AND s.split = r.split AND s.layer = r.layer AND s.start = r.step AND s.attempt = r.attempt
      ${IN_ORDER}`;
}

export const PROTOCOL_2: Migration[] = [
  {
    version: 17,
    statements: TABLES_WITH_SPLIT.map((table) => `ALTER TABLE ${table} MODIFY COLUMN split ${SPLIT}`),
  },
  {
    version: 18,
    statements: [
      // Dropped assignments by expert: of `counts`, where a sender says which they were.
      `ALTER TABLE routing ADD COLUMN IF NOT EXISTS dropped_counts Array(UInt32) CODEC(ZSTD(1)) AFTER above`,
      `ALTER TABLE rolled_routing ADD COLUMN IF NOT EXISTS dropped_counts Array(UInt64) CODEC(ZSTD(1)) AFTER counts`,
    ],
  },
  {
    version: 19,
    statements: [
      // Gate mass and mean probability, of which there is one for each layer where there was one for each category. `tokens` are those
      // of the mean. A rank without tokens has a row too: it says that the rank sent a histogram.
      `CREATE TABLE IF NOT EXISTS gates (${POSITION},
        layer  UInt32,
        rank   UInt32,
        tokens UInt64 CODEC(T64, ZSTD(1)), ${FLOATS.map(floatColumns).join(",")}
      ) ENGINE = MergeTree ORDER BY (run, split, layer, step, attempt, rank) SETTINGS ${SETTINGS}, ${PARTS}`,

      // Sums of numbers of 8 significant bits are exact in 64, most of which are zeros and take nothing on disk.
      `CREATE TABLE IF NOT EXISTS rolled_gates (${POSITION},
        width  UInt64 CODEC(Delta, LZ4),
        layer  UInt32,
        gate_mass          Array(Float64) CODEC(ZSTD(1)),
        mean_probability   Array(Float32) CODEC(ZSTD(1)),
        probability_tokens UInt64 CODEC(T64, ZSTD(1))
      ) ENGINE = MergeTree ORDER BY (run, split, width, layer, step, attempt) SETTINGS ${SETTINGS}`,
    ],
  },
  {
    version: 20,
    statements: [],
    moves: {
      from: { table: "routing", column: "gate_mass" },
      into: [
        {
          table: "gates",
          key: GATES_KEY,
          statements: (database) => [movedGates(database)],
        },
        {
          table: "rolled_gates",
          key: ["run", "split", "width", "layer", "step", "attempt", "batch"],
          statements: (database) => WIDTHS.map((width) => movedRollups(database, width)),
        },
      ],
    },
  },
  {
    // A version of its own: when version 20 is applied again, the columns must be there.
    version: 21,
    statements: FLOATS.map((column) => `ALTER TABLE routing DROP COLUMN IF EXISTS ${column}`),
  },
];
