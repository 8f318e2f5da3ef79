// Run on every kind of store: both implementations keep the same contract.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { openDatabase } from "../../testing/store-kind.ts";
import type { Database } from "../engine/database.ts";
import { migrate } from "../schema/migrate.ts";
import { blockOf, streamRows } from "../writing/rows.ts";
import type { BatchLedger } from "./ledger.ts";
import { ledgerOf } from "./ledger-of.ts";

let database: Database;

beforeEach(async () => {
  database = await openDatabase(temporaryDirectory());
  await migrate(database, pino({ level: "silent" }));
});
afterEach(() => database.close());

async function opened(): Promise<BatchLedger> {
  const batches = ledgerOf(database);
  await batches.load();
  return batches;
}

async function take(batches: BatchLedger, run: string): Promise<void> {
  if (batches.owns(run)) return;
  await batches.claim(run, () => {});
  batches.own(run);
}

/** Stores the mark of the next batch; without `mark` the collector is killed before. */
async function store(batches: BatchLedger, run: string, mark = true): Promise<number> {
  const batch = batches.next;
  if (!mark) return batch;
  const stream = { run, rank: 0, attempt: 0, sequence: batch, rejected: 0, lastMessageAt: 1 };
  await database.insert("streams", blockOf(streamRows(batch, batches.epoch, [stream])), randomUUID());
  batches.stored(batch);
  return batch;
}

/** Which of the batches a condition is true for. */
async function matching(condition: string, batches: readonly number[]): Promise<number[]> {
  const rows = await database.rows(
    `SELECT batch FROM (SELECT arrayJoin([${batches.join(", ")}]) AS batch) WHERE ${condition}`,
  );
  return rows.map(([batch]) => Number(batch));
}

test("a batch exists from its mark on, for whoever opens the store later too", async () => {
  const first = await opened();
  await take(first, "r");
  const stored = [await store(first, "r"), await store(first, "r")];
  const unfinished = await store(first, "r", false);
  for (const batches of [first, await opened()]) {
    expect(stored.map((batch) => batches.exists("r", batch))).toEqual([true, true]);
    expect(batches.exists("r", unfinished)).toBe(false);
    expect(await matching(batches.existing("r"), [...stored, unfinished])).toEqual(stored);
  }
  expect(await matching(first.existing("r", unfinished), [...stored, unfinished])).toEqual([...stored, unfinished]);
});

test("who goes on with a run leaves out what was not finished, and uses no number twice", async () => {
  const first = await opened();
  await take(first, "r");
  const stored = await store(first, "r");
  const unfinished = await store(first, "r", false);
  const second = await opened();
  await take(second, "r");
  expect(await matching(second.unfinished("r"), [stored, unfinished])).toEqual([unfinished]);
  const next = await store(second, "r");
  expect(next === unfinished || next > unfinished).toBe(true);
  expect(await matching(second.existing("r"), [stored, next])).toEqual([stored, next]);
});

test("a run that another collector has claimed is not this one's any more, where that can be", async () => {
  const first = await opened();
  await take(first, "r");
  await store(first, "r");
  const second = await opened();
  await take(second, "r");
  expect(second.owns("r")).toBe(true);
  expect(await first.lost(["r"])).toEqual(first.ownsAll ? [] : ["r"]);
  expect(first.owns("r")).toBe(first.ownsAll);
  expect(await second.lost(["r"])).toEqual([]);
});

test("a deleted run can be stored again", async () => {
  const batches = await opened();
  await take(batches, "r");
  await store(batches, "r");
  await database.runOnEach((own) => `DELETE FROM ${own}.streams WHERE run = 'r'`);
  batches.forget("r");
  await take(batches, "r");
  const again = await store(batches, "r");
  expect(await matching(batches.existing("r"), [again])).toEqual([again]);
});
