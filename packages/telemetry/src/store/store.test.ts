import { addRank } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { pino } from "pino";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testing/collector.ts";
import { RunInStore } from "../testing/run-in-store.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { openDatabase } from "../testing/store-kind.ts";
import { DATABASE, select } from "./engine/database.ts";
import { MIGRATIONS } from "./schema/schema.ts";
import { Store } from "./store.ts";
import { blockOf } from "./writing/rows.ts";

const log = pino({ level: "silent" });
const OPTIONS = { rollUpEvery: 32, durability: "os" } as const;

test("a store is migrated once, and one of a newer version is refused", async () => {
  const database = await openDatabase(temporaryDirectory());
  await Store.open(database, log, OPTIONS);
  await Store.open(database, log, OPTIONS);
  for (const { client, database: own } of database.servers) {
    const rows = await select(client, `SELECT version FROM ${own}.migrations ORDER BY version`);
    expect(rows).toEqual(MIGRATIONS.map(({ version }) => [version]));
  }
  await database.runOnEach((own) => `INSERT INTO ${own}.migrations VALUES (99, now())`);
  await expect(Store.open(database, log, OPTIONS)).rejects.toThrow(/schema version 99, written by a newer moescope/);
  await database.close();
});

test("an insert that is tried again with its token changes nothing", async () => {
  const database = await openDatabase(temporaryDirectory());
  await Store.open(database, log, OPTIONS);
  const columns = { run: "String", attempt: "UInt32", description: "String" } as const;
  const block = blockOf({ columns, rows: [["a", 0, ""]] });
  const insert = (token: string) => database.insert("runs", block, token);
  for (const token of ["1", "1", "2"]) await insert(token);
  expect(await database.rows(`SELECT count() FROM ${DATABASE}.runs`)).toEqual([[2]]);
  await database.close();
});

test("any text survives", async () => {
  const database = await openDatabase(temporaryDirectory());
  const store = await Store.open(database, log, OPTIONS);
  const reason = "tab\t newline\n return\r quote' backslash\\ nul\0 é 漢 🚀 \\N {x:String} ?";
  const names = ["loss/it's", "a\\b\tc"];
  const message = v1.Step.create({
    run: "r",
    sequence: 1,
    split: 1,
    scalars: names.map((name) => ({ name, value: 1 })),
  });
  const end = v1.RunEnd.create({ run: "r", sequence: 2, outcome: 3, reason });
  const mark = { run: "r", rank: 0, attempt: 0, sequence: 2, rejected: 0, lastMessageAt: 1 };
  const content = { steps: [{ message, sum: addRank(message) }], ends: [end], streams: [mark] };
  await store.write(store.layOut(content));
  expect(await database.rows(`SELECT reason FROM ${DATABASE}.ends`)).toEqual([[reason]]);
  expect(await database.rows(`SELECT scalar_names FROM ${DATABASE}.steps`)).toEqual([[names]]);
  await database.close();
});

test("steps of every split are stored, rolled up and answered apart", async () => {
  const run = describedRun("splits");
  const store = await RunInStore.open(run, temporaryDirectory());
  const splits = [v1.Split.TRAIN, v1.Split.EVAL, v1.Split.PROBE, v1.Split.ROLLOUT];
  const steps = splits.flatMap((split) => {
    return Array.from({ length: 32 }, (_, step) => randomStep(run, { sequence: 1, step, split, tokens: split }));
  });
  await store.write(steps, [v1.RunEnd.create({ run: run.id, sequence: 2, outcome: v1.RunEnd.Outcome.FINISHED })]);
  for (const split of splits) {
    for (const points of [32, 1]) {
      const buckets = await store.history({ split, from: 0, to: 31, points }, "rollups");
      expect(buckets.map((bucket) => [bucket.split, bucket.tokens])).toEqual(Array(points).fill([split, split]));
    }
  }
  expect(await store.database.rows(`SELECT count() FROM ${DATABASE}.rolled_steps`)).toEqual([[splits.length]]);
  await store.database.close();
});
