// Many ranks of many runs at once: each rank's histograms are kept and added up, and a step says how many of its ranks have arrived.
import type { v1 } from "@moescope/proto";
import { afterEach, expect, test, vi } from "vitest";
import type { Collector } from "./index.ts";
import { Database } from "./store/engine/database.ts";
import { StoreError } from "./store/engine/store-error.ts";
import { getHistory, getSummary, testCollector } from "./testing/collector.ts";
import { Ledger } from "./testing/ledger.ts";
import { PersistentSender } from "./testing/persistent-sender.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

vi.setConfig({ testTimeout: 120_000 });
afterEach(() => vi.restoreAllMocks());

test("64 ranks of eight runs that differ in layers, experts and categories", async () => {
  const collector = await testCollector();
  const ledger = new Ledger();
  const runs = Array.from({ length: 8 }, (_, index) =>
    describedRun(`run-${index}`, {
      ranks: 8,
      moeLayers: Array.from({ length: 1 + (index % 4) }, (_, layer) => 2 * layer + index),
      experts: 4 * (index + 1),
      topK: 1 + (index % 3),
      categories: ["code", "docs", "maths"].slice(0, 1 + (index % 3)),
    }),
  );
  const senders = runs.flatMap((run) =>
    Array.from({ length: 8 }, (_, rank) => {
      // Some ranks are told to stop a little earlier than others.
      const goesOn = ({ made }: PersistentSender) => made < 20 + (rank % 3);
      return new PersistentSender({ run, rank, ledger, address: () => collector.grpcAddress, goesOn });
    }),
  );
  await Promise.all(senders.map((sender) => sender.run()));
  // 20 to 22 steps a rank, and its end.
  expect(ledger.size).toBe(8 * (8 * 21 + 7));
  await ledger.expectStored(collector);
  for (const { id } of runs)
    expect((await getSummary(collector, id)).attempts[0]).toMatchObject({ steps: 22, outcome: 1 });
});

test("40 ranks, of which one has loads unlike the others'", async () => {
  const collector = await testCollector({ flushInterval: 50 });
  const ledger = new Ledger();
  const run = describedRun("forty", { ranks: 40 });
  await Promise.all(
    Array.from({ length: run.ranks }, async (_, rank) => {
      const sender = await TestSender.connect(collector.grpcAddress, run, rank);
      for (let index = 0; index < 20; index++) {
        const step = randomStep(run, { sequence: index + 1, rank });
        if (rank === 7) magnify(step, 1000);
        ledger.add(run, { step });
        sender.send({ step });
      }
      await sender.untilAcknowledged(20);
      sender.close();
    }),
  );
  await ledger.expectStored(collector);
  expect((await getSummary(collector, run.id)).missing).toBe(0);
});

function magnify({ histograms }: v1.Step, by: number): void {
  for (const { categories } of histograms) {
    for (const category of categories!) {
      category.counts = category.counts!.map((count) => by * count);
      category.tokens = by * category.tokens!;
      category.dropped = by * (category.dropped ?? 0);
      category.droppedCounts = category.droppedCounts?.map((count) => by * count) ?? [];
    }
  }
}

const run = describedRun("four", { ranks: 4 });

/** Steps `from`..`before − 1` of a rank. */
async function send(collector: Collector, rank: number, from: number, before: number, ledger?: Ledger): Promise<void> {
  const sender = await TestSender.connect(collector.grpcAddress, run, rank);
  for (let index = from; index < before; index++) {
    const step = randomStep(run, { sequence: index + 1, rank });
    ledger?.add(run, { step });
    sender.send({ step });
  }
  await sender.untilAcknowledged(before);
  sender.close();
}

const ranksOf = ({ buckets }: v1.History) => buckets.map((bucket) => bucket.ranks);

test("late and missing ranks are named, after a restart too, until they have come", async () => {
  const first = await testCollector();
  const ledger = new Ledger();
  await send(first, 0, 0, 40, ledger);
  await send(first, 1, 0, 40, ledger);
  await send(first, 2, 0, 30, ledger);
  const lagging = { lastStep: 39, steps: 40, ranksArrived: 2, missingRanks: [3], slowestRank: 2, stepsBehind: 10 };
  expect(await getSummary(first, run.id)).toMatchObject(lagging);
  await first.stop();

  const second = await testCollector({ dataDirectory: first.dataDirectory });
  expect(await getSummary(second, run.id)).toMatchObject(lagging);
  expect(ranksOf(await getHistory(second, run.id))).toEqual([...Array(30).fill(3), ...Array(10).fill(2)]);
  expect(ranksOf(await getHistory(second, run.id, "points=1"))).toEqual([2]);
  await ledger.expectStored(second);

  await send(second, 3, 0, 40, ledger);
  await send(second, 2, 30, 40, ledger);
  const complete = { steps: 40, ranksArrived: 4, missingRanks: [], slowestRank: 0, stepsBehind: 0 };
  expect(await getSummary(second, run.id)).toMatchObject(complete);
  // Rolled up by now: 32 steps and more a row.
  expect(ranksOf(await getHistory(second, run.id, "points=2"))).toEqual([4, 4]);
  await ledger.expectStored(second);
});

test("a rank that was ahead when the collector stopped is in the sums of those that catch up", async () => {
  const ledger = new Ledger();
  const first = await testCollector();
  await send(first, 1, 0, 12, ledger);
  await send(first, 0, 0, 3, ledger);
  await first.stop();
  const second = await testCollector({ dataDirectory: first.dataDirectory });
  await send(second, 0, 3, 12, ledger);
  await ledger.expectStored(second);
});

test("a store that fails while ranks are added up makes none of them count twice", async () => {
  const ledger = new Ledger();
  const first = await testCollector();
  await send(first, 1, 0, 12, ledger);
  await first.stop();
  const second = await testCollector({ dataDirectory: first.dataDirectory });
  const query = Database.prototype.blocksForWriter;
  // Some steps of the batch have been added up by then: each takes some queries.
  let queries = 0;
  vi.spyOn(Database.prototype, "blocksForWriter").mockImplementation(function (this: Database, ...asked) {
    if (++queries === 30) return Promise.reject(new StoreError("the store is away"));
    return query.apply(this, asked);
  });
  await send(second, 0, 0, 12, ledger);
  expect(queries).toBeGreaterThan(30);
  expect(second.counters.failedWrites).toBe(1);
  await ledger.expectStored(second);
});
