// Tables of the store, as a list of migrations. A released migration is never edited; a change is a new one.
//
// Every row carries the number of the batch it was stored with. The batch exists from the moment its rows in `streams`, written
// last, are there: readers ignore rows of a later batch, and opening the store deletes them.
import type { Migration } from "./migration.ts";
import { PROTOCOL_2 } from "./protocol-2.ts";

/** A batch may be tried again this many inserts later and still be recognised. */
const DEDUPLICATION = "non_replicated_deduplication_window = 1000";

// Small granules: one step of one layer is then read without the steps around it.
const HISTOGRAM_SETTINGS = `${DEDUPLICATION}, index_granularity = 512`;

const POSITION = `
  run     LowCardinality(String),
  split   Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3),
  step    UInt64 CODEC(Delta, LZ4),
  attempt UInt32,
  batch   UInt64 CODEC(Delta, LZ4)`;

const ROLLED = `${POSITION},
  width UInt64 CODEC(Delta, LZ4)`;

/** How the values of a bucket's steps are summed up; NaN counts in nan_values alone. */
const SUMMARY = `
  value_count UInt64,
  value_sum   Float64,
  value_first Float64,
  value_min   Float64,
  value_max   Float64,
  value_last  Float64,
  nan_values  UInt64`;

export const MIGRATIONS: Migration[] = [
  {
    version: 1,
    statements: [
      // Newest attempt wins. The description is the protobuf message in base64, so that fields of newer senders survive.
      `CREATE TABLE IF NOT EXISTS runs (
        run         String,
        attempt     UInt32,
        description String
      ) ENGINE = ReplacingMergeTree(attempt) ORDER BY run SETTINGS ${DEDUPLICATION}`,

      // One row for each stream and batch, merged into one for each stream: what was acknowledged.
      `CREATE TABLE IF NOT EXISTS streams (
        run             String,
        rank            UInt32,
        attempt         UInt32,
        batch           SimpleAggregateFunction(max, UInt64),
        sequence        SimpleAggregateFunction(max, UInt64),
        rejected        SimpleAggregateFunction(sum, UInt64),
        last_message_at SimpleAggregateFunction(max, Float64)
      ) ENGINE = AggregatingMergeTree ORDER BY (run, rank, attempt) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS steps (${POSITION},
        rank          UInt32,
        sequence      UInt64,
        tokens        UInt64,
        time          Float64,
        scalar_names  Array(LowCardinality(String)),
        scalar_values Array(Float64)
      ) ENGINE = MergeTree ORDER BY (run, split, step, attempt, rank) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS routing (${POSITION},
        layer            UInt32,
        category         UInt32,
        rank             UInt32,
        tokens           UInt64,
        dropped          UInt64,
        counts_bytes           String EPHEMERAL,
        gate_mass_bytes        String EPHEMERAL,
        mean_probability_bytes String EPHEMERAL,
        counts           Array(UInt32)  DEFAULT reinterpret(base64Decode(counts_bytes), 'Array(UInt32)') CODEC(T64, LZ4),
        gate_mass        Array(Float32) DEFAULT reinterpret(base64Decode(gate_mass_bytes), 'Array(Float32)'),
        mean_probability Array(Float32) DEFAULT reinterpret(base64Decode(mean_probability_bytes), 'Array(Float32)')
      ) ENGINE = MergeTree ORDER BY (run, split, layer, step, attempt, category, rank) SETTINGS ${HISTOGRAM_SETTINGS}`,

      // Metrics of one layer in one step, over the ranks that had arrived; a later row with more ranks replaces an earlier one.
      // A table that exists keeps its granules: with those of 8,192 rows, one step's biases take longer to read, and nothing else differs.
      `CREATE TABLE IF NOT EXISTS layers (${POSITION},
        layer           UInt32,
        ranks           UInt32,
        max_violation   Float64,
        busiest_expert  UInt32,
        dead_experts    UInt32,
        tokens          UInt64,
        dropped         UInt64,
        metrics_version UInt32,
        selection_bias_bytes String EPHEMERAL,
        selection_bias  Array(Float32) DEFAULT reinterpret(base64Decode(selection_bias_bytes), 'Array(Float32)')
      ) ENGINE = MergeTree ORDER BY (run, split, layer, step, attempt, ranks) SETTINGS ${HISTOGRAM_SETTINGS}`,

      `CREATE TABLE IF NOT EXISTS attention (${POSITION},
        rank         UInt32,
        layer        UInt32,
        head         Int32,
        token_class  Array(LowCardinality(String)),
        share        Array(Float32)
      ) ENGINE = MergeTree ORDER BY (run, split, layer, head, step, attempt, rank) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS heads (${POSITION},
        rank           UInt32,
        layer          UInt32,
        head           UInt32,
        previous_token Float32,
        first_token    Float32,
        induction      Float32,
        local          Float32,
        broad          Float32
      ) ENGINE = MergeTree ORDER BY (run, split, layer, head, step, attempt, rank) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS ends (
        run      String,
        attempt  UInt32,
        rank     UInt32,
        batch    UInt64,
        sequence UInt64,
        outcome  Enum8('FINISHED' = 1, 'STOPPED' = 2, 'FAILED' = 3),
        reason   String,
        ended_at Float64
      ) ENGINE = MergeTree ORDER BY (run, attempt, rank) SETTINGS ${DEDUPLICATION}`,
    ],
  },
  {
    version: 2,
    statements: [
      `CREATE TABLE IF NOT EXISTS saturation (${POSITION},
        rank         UInt32,
        layer        UInt32,
        earlier_step Array(UInt64),
        share        Array(Float32)
      ) ENGINE = MergeTree ORDER BY (run, split, layer, step, attempt, rank) SETTINGS ${DEDUPLICATION}`,
    ],
  },
  {
    version: 3,
    statements: [
      // Rows arrive in binary, so arrays need no detour through base64 text. ZSTD after T64 takes a twelfth off counts for no more time.
      ...binaryArray("routing", "counts", "Array(UInt32)", "T64, ZSTD(1)"),
      ...binaryArray("routing", "gate_mass", "Array(Float32)", "ZSTD(1)"),
      ...binaryArray("routing", "mean_probability", "Array(Float32)", "ZSTD(1)"),
      ...binaryArray("layers", "selection_bias", "Array(Float32)", "ZSTD(1)"),
    ],
  },
  {
    version: 4,
    statements: [
      // Rollups: a row sums up the steps of one attempt from `step` on, `width` of them, over all ranks. When a step arrives late, a
      // row with a later batch replaces the earlier one.
      `CREATE TABLE IF NOT EXISTS rolled_steps (${ROLLED},
        first_step UInt64,
        last_step  UInt64,
        steps      UInt64,
        tokens     UInt64,
        time       Float64
      ) ENGINE = MergeTree ORDER BY (run, split, width, step, attempt) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS rolled_scalars (${ROLLED},
        name LowCardinality(String), ${SUMMARY}
      ) ENGINE = MergeTree ORDER BY (run, split, width, step, attempt, name) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS rolled_layers (${ROLLED},
        layer        UInt32,
        dead_experts UInt64,
        tokens       UInt64,
        dropped      UInt64, ${SUMMARY},
        selection_bias Array(Float32) CODEC(ZSTD(1))
      ) ENGINE = MergeTree ORDER BY (run, split, width, layer, step, attempt) SETTINGS ${DEDUPLICATION}`,

      `CREATE TABLE IF NOT EXISTS rolled_routing (${ROLLED},
        layer    UInt32,
        category UInt32,
        tokens   UInt64,
        dropped  UInt64,
        counts   Array(UInt64) CODEC(T64, ZSTD(1))
      ) ENGINE = MergeTree ORDER BY (run, split, width, layer, step, attempt, category) SETTINGS ${HISTOGRAM_SETTINGS}`,

      // The smallest and the largest load of each expert in any one step.
      `CREATE TABLE IF NOT EXISTS rolled_extremes (${ROLLED},
        layer      UInt32,
        counts_min Array(UInt64) CODEC(T64, ZSTD(1)),
        counts_max Array(UInt64) CODEC(T64, ZSTD(1))
      ) ENGINE = MergeTree ORDER BY (run, split, width, layer, step, attempt) SETTINGS ${HISTOGRAM_SETTINGS}`,

      // Every bucket of an attempt that ends at or before until is rolled up.
      `CREATE TABLE IF NOT EXISTS sealed (
        run     LowCardinality(String),
        split   Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3),
        attempt UInt32,
        batch   UInt64,
        until   UInt64
      ) ENGINE = MergeTree ORDER BY (run, split, attempt, batch) SETTINGS ${DEDUPLICATION}`,
    ],
  },
  {
    version: 5,
    statements: [
      // One row when an alert fires and one when it is over; the latter counts. The alert is the protobuf message in base64, so that
      // fields of newer collectors survive.
      `CREATE TABLE IF NOT EXISTS alerts (
        run   String,
        id    String,
        over  UInt8,
        alert String
      ) ENGINE = ReplacingMergeTree(over) ORDER BY (run, id) SETTINGS ${DEDUPLICATION}`,
    ],
  },
  {
    version: 6,
    statements: [
      // Training steps of an attempt before until are no longer stored one by one.
      `CREATE TABLE IF NOT EXISTS expired (
        run     LowCardinality(String),
        attempt UInt32,
        until   UInt64
      ) ENGINE = MergeTree ORDER BY (run, attempt) SETTINGS ${DEDUPLICATION}`,
    ],
  },
  {
    version: 7,
    statements: [
      // How many ranks the step has that has the fewest; 0 for what was rolled up before they were counted.
      `ALTER TABLE rolled_steps ADD COLUMN IF NOT EXISTS ranks UInt32`,
    ],
  },
  {
    version: 8,
    statements: [
      // Which collector stores a run, where several share a store (batches.ts): the newest claim. Not ready: it has only been announced.
      `CREATE TABLE IF NOT EXISTS claims (
        run       String,
        epoch     UInt32,
        follows   UInt32,
        collector String,
        after     UInt64,
        ready     UInt8
      ) ENGINE = MergeTree ORDER BY (run, epoch) SETTINGS ${DEDUPLICATION}`,

      `ALTER TABLE streams ADD COLUMN IF NOT EXISTS epoch UInt32, MODIFY ORDER BY (run, rank, attempt, epoch)`,
    ],
  },
  {
    version: 9,
    statements: [
      // A month of histograms is not merged into one part, again and again: a part is some thousand steps of the largest models, which
      // is few enough for a query, and what expires is deleted by the part.
      `ALTER TABLE routing MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 268435456`,
    ],
  },
  {
    version: 10,
    statements: [
      // A count in two parts, which together are smaller (split-counts.ts). Counts stored before are bases, with nothing above them.
      `ALTER TABLE routing RENAME COLUMN IF EXISTS counts TO base`,
      `ALTER TABLE routing ADD COLUMN IF NOT EXISTS above Array(UInt8) DEFAULT arrayWithConstant(length(base), 0) CODEC(ZSTD(1)) AFTER base`,
    ],
  },
  {
    version: 11,
    statements: [
      // Readers go on asking for counts. A version of its own: when version 10 is applied again, counts must not be there.
      `ALTER TABLE routing ADD COLUMN IF NOT EXISTS counts Array(UInt64) ALIAS arrayMap((low, high) -> low + high, base, above) AFTER above`,
    ],
  },
  {
    version: 12,
    statements: [
      // The width of the narrowest rollups up to there.
      `ALTER TABLE sealed ADD COLUMN IF NOT EXISTS narrowest UInt32 DEFAULT 16`,
    ],
  },
  {
    version: 13,
    statements: [
      // Next to counts that take less than a byte, these took three in a hundred.
      ...["routing", "layers"].flatMap((table) => [
        `ALTER TABLE ${table} MODIFY COLUMN tokens UInt64 CODEC(T64, ZSTD(1))`,
        `ALTER TABLE ${table} MODIFY COLUMN dropped UInt64 CODEC(T64, ZSTD(1))`,
      ]),
      `ALTER TABLE layers MODIFY COLUMN max_violation Float64 CODEC(ZSTD(1))`,
      `ALTER TABLE rolled_routing MODIFY COLUMN counts Array(UInt64) CODEC(T64('bit'), ZSTD(1))`,
    ],
  },
  {
    version: 14,
    statements: [
      // What people have written on runs; the newest counts. The annotation is the protobuf message in base64.
      `CREATE TABLE IF NOT EXISTS annotations (
        run        String,
        written_at Float64,
        annotation String
      ) ENGINE = ReplacingMergeTree(written_at) ORDER BY run SETTINGS ${DEDUPLICATION}`,
    ],
  },
  {
    version: 15,
    statements: [
      // A base that many rows share, as bytes: the engine then handles a number for each row instead of one for each count. A row has
      // either this or, as every row up to version 14, a base of its own.
      `ALTER TABLE routing ADD COLUMN IF NOT EXISTS shared_base LowCardinality(String) CODEC(ZSTD(1)) AFTER dropped`,
      `ALTER TABLE routing MODIFY COLUMN counts Array(UInt64) ALIAS arrayMap((low, high) -> low + high, arrayConcat(base, reinterpret(shared_base, 'Array(UInt32)')), above)`,
      // Half the largest part: each row is merged twice rather than three times, and a terabyte is 8,000 parts. The engine slows inserts
      // down when it has many parts, a sign that merging falls behind; that there are many as large as these is none.
      `ALTER TABLE routing MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 134217728, max_avg_part_size_for_too_many_parts = 33554432`,
    ],
  },
  {
    version: 16,
    statements: [
      // A seal is of one block of steps; those before are of all steps up to theirs. Rollups may be as wide as a step number is large.
      `ALTER TABLE sealed ADD COLUMN IF NOT EXISTS start UInt64 AFTER batch`,
      `ALTER TABLE sealed MODIFY COLUMN narrowest UInt64 DEFAULT 16`,
    ],
  },
  ...PROTOCOL_2,
];

/** May be applied twice, as a migration that was interrupted is. */
function binaryArray(table: string, column: string, type: string, codec: string): string[] {
  return [
    `ALTER TABLE ${table} MODIFY COLUMN ${column} ${type} DEFAULT [] CODEC(${codec})`,
    `ALTER TABLE ${table} DROP COLUMN IF EXISTS ${column}_bytes`,
  ];
}

/** Tables of what arrived in a batch, in the order they are written. */
export const BATCH_TABLES = [
  "routing",
  "gates",
  "layers",
  "attention",
  "heads",
  "saturation",
  "steps",
  "ends",
] as const;
export type BatchTable = (typeof BATCH_TABLES)[number];

/** Tables of rollups, written after those: the store fills them from what it holds. `streams` follows and makes the batch exist. */
export const ROLLED_TABLES = [
  "rolled_steps",
  "rolled_scalars",
  "rolled_layers",
  "rolled_routing",
  "rolled_gates",
  "rolled_extremes",
] as const;
export type RolledTable = (typeof ROLLED_TABLES)[number];
