// Several collectors in front of one server or cluster: one of them stores a run at a time, all of them show it, and nothing is there
// twice however often it changes hands.
import { status } from "@grpc/grpc-js";
import { v1 } from "@moescope/proto";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Collector, CollectorOptions } from "./index.ts";
import { Database } from "./store/engine/database.ts";
import { get, getSummary, temporaryDirectory, testCollector } from "./testing/collector.ts";
import { Ledger } from "./testing/ledger.ts";
import { PersistentSender } from "./testing/persistent-sender.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";
import { storeOptions, underTest } from "./testing/store-kind.ts";

/** Collectors on an empty store, each with a data directory of its own. */
async function collectors(count: number, more: CollectorOptions = {}): Promise<Collector[]> {
  await storeOptions(temporaryDirectory());
  const started: Collector[] = [];
  for (let index = 0; index < count; index++) started.push(await another(more));
  return started;
}

/** One more, on the store as it is. */
function another(more: CollectorOptions = {}): Promise<Collector> {
  const { urls, cluster } = underTest()!;
  return testCollector({ clickhouseUrls: urls, clickhouseCluster: cluster, followInterval: 100, ...more });
}

class Sent {
  readonly ledger = new Ledger();
  readonly #run: v1.RunDescription;

  constructor(run: v1.RunDescription) {
    this.#run = run;
  }

  /** Sends steps that were not sent before; they are expected to be stored once. */
  send(sender: TestSender, from: number, to: number): void {
    for (let sequence = from; sequence <= to; sequence++) {
      const step = randomStep(this.#run, { sequence });
      this.ledger.add(this.#run, { step });
      sender.send({ step });
    }
  }

  again(sender: TestSender, from: number, to: number): void {
    for (let sequence = from; sequence <= to; sequence++) sender.send({ step: randomStep(this.#run, { sequence }) });
  }
}

/** Waits until a collector shows a run that another one stores. */
async function untilShown(collector: Collector, run: string, lastStep: number): Promise<void> {
  await vi.waitFor(async () => expect((await getSummary(collector, run)).lastStep).toBe(lastStep), 30_000);
}

test("a sender goes on at another collector where the first one stopped, and both show all of it", async () => {
  const [a, b] = (await collectors(2)) as [Collector, Collector];
  const run = describedRun("moved");
  const sent = new Sent(run);
  const first = await TestSender.connect(a.grpcAddress, run);
  sent.send(first, 1, 40);
  await first.untilAcknowledged(40);
  first.cut();

  const second = await TestSender.connect(b.grpcAddress, run);
  expect(second.acknowledged).toBe(40);
  sent.send(second, 41, 80);
  await second.untilAcknowledged(80);
  await sent.ledger.expectStored(b);
  await untilShown(a, run.id, 79);
  await sent.ledger.expectStored(a);
  second.cut();

  const back = await TestSender.connect(a.grpcAddress, run);
  expect(back.acknowledged).toBe(80);
  sent.send(back, 81, 90);
  await back.untilAcknowledged(90);
  await sent.ledger.expectStored(a);
  back.close();
});

test("two streams of one rank at two collectors: the second takes over, and the first is told", async () => {
  const [a, b] = (await collectors(2)) as [Collector, Collector];
  const run = describedRun("twice");
  const sent = new Sent(run);
  const first = await TestSender.connect(a.grpcAddress, run);
  sent.send(first, 1, 10);
  await first.untilAcknowledged(10);
  const second = await TestSender.connect(b.grpcAddress, run);
  sent.send(second, 11, 20);
  sent.again(first, 11, 20);
  await second.untilAcknowledged(20);
  const ended = await first.status;
  expect([ended.code, ended.details]).toEqual([status.UNAVAILABLE, "another collector has taken the run over"]);
  expect(first.acknowledged).toBe(10);
  await sent.ledger.expectStored(b);
  await untilShown(a, run.id, 19);
  await sent.ledger.expectStored(a);
  second.close();
});

describe("a collector that stalls while another takes its run over", () => {
  /** The first batch that is stored from now on waits, before or after its rows in `streams` are stored, until it is let on. */
  function stall(when: "before" | "after") {
    let letOn!: () => void;
    const released = new Promise<void>((resolve) => {
      letOn = resolve;
    });
    let reached!: () => void;
    const stalled = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const real = Database.prototype.insertAll;
    const insertAll = vi.spyOn(Database.prototype, "insertAll");
    onTestFinished(() => insertAll.mockRestore());
    let done = false;
    insertAll.mockImplementation(async function (this: Database, inserts, mark, begun) {
      if (mark === undefined || done) return real.call(this, inserts, mark, begun);
      done = true;
      const wait = () => {
        reached();
        return released;
      };
      await real.call(this, inserts);
      if (when === "before") await wait();
      await real.call(this, [], mark);
      if (when === "after") await wait();
    });
    return { stalled, letOn };
  }

  test.each(["before", "after"] as const)(
    "%s its mark is stored: nothing is lost, nothing is there twice",
    async (when) => {
      const [a, b] = (await collectors(2)) as [Collector, Collector];
      const run = describedRun(`stalled-${when}`);
      const sent = new Sent(run);
      const first = await TestSender.connect(a.grpcAddress, run);
      sent.send(first, 1, 20);
      await first.untilAcknowledged(20);

      const { stalled, letOn } = stall(when);
      sent.send(first, 21, 40);
      await stalled;
      const second = await TestSender.connect(b.grpcAddress, run);
      // Whatever it had stored by then counts, acknowledged or not.
      const reached = second.acknowledged;
      expect(reached).toBeGreaterThanOrEqual(when === "before" ? 20 : 21);
      sent.again(second, reached + 1, 40);
      sent.send(second, 41, 60);
      await second.untilAcknowledged(60);
      letOn();
      expect((await first.status).code).toBe(status.UNAVAILABLE);
      expect(first.acknowledged).toBe(20);
      await sent.ledger.expectStored(b);

      // What came too late stays nothing when the run changes hands again.
      second.cut();
      const third = await TestSender.connect(a.grpcAddress, run);
      expect(third.acknowledged).toBe(60);
      sent.send(third, 61, 70);
      await third.untilAcknowledged(70);
      await sent.ledger.expectStored(a);
      third.close();
    },
  );
});

test("a takeover that the store breaks off is begun anew, and finds the same place", async () => {
  const [a, b] = (await collectors(2, { followInterval: 60_000 })) as [Collector, Collector];
  const run = describedRun("broken-off");
  const sent = new Sent(run);
  const first = await TestSender.connect(a.grpcAddress, run);
  sent.send(first, 1, 20);
  await first.untilAcknowledged(20);
  first.cut();

  // The last that is read of a run that is taken over; nobody follows runs meanwhile, and reads it too.
  const real = Database.prototype.rows;
  const rows = vi.spyOn(Database.prototype, "rows");
  onTestFinished(() => rows.mockRestore());
  let failures = 0;
  rows.mockImplementation(async function (this: Database, query, parameters) {
    if (query.includes(".alerts WHERE run") && failures++ === 0) throw new Error("the shard is away");
    return real.call(this, query, parameters);
  });
  await expect(TestSender.connect(b.grpcAddress, run)).rejects.toThrow(/the store refuses data: the shard is away/);
  const second = await TestSender.connect(b.grpcAddress, run);
  expect(second.acknowledged).toBe(20);
  sent.send(second, 21, 30);
  await second.untilAcknowledged(30);
  await sent.ledger.expectStored(b);
  second.close();
});

test("ranks that report to different collectors take the run from each other, and all of it is stored once", async () => {
  // Little has room, so that batches are laid out ahead when the run goes.
  const two = await collectors(2, { maxPendingBytes: 3_000 });
  const run = describedRun("torn", { ranks: 3, moeLayers: [1] });
  const ledger = new Ledger();
  const senders: PersistentSender[] = [];
  const connections = () => senders.reduce((sum, sender) => sum + sender.connections, 0);
  for (const rank of [0, 1, 2]) {
    const address = () => two[rank % 2]!.grpcAddress;
    senders.push(new PersistentSender({ run, rank, ledger, address, goesOn: () => connections() < 20 }));
  }
  await Promise.all(senders.map((sender) => sender.run()));
  await ledger.expectStored(await another());
}, 120_000);

test("runs that are new at several collectors at the same moment do not get into each other's way", async () => {
  const three = await collectors(3);
  const runs = Array.from({ length: 9 }, (_, index) => describedRun(`new-${index}`));
  const sents = await Promise.all(
    runs.map(async (run, index) => {
      const sent = new Sent(run);
      const sender = await TestSender.connect(three[index % 3]!.grpcAddress, run);
      sent.send(sender, 1, 20);
      await sender.untilAcknowledged(20);
      sender.close();
      return sent;
    }),
  );
  for (const run of runs) await untilShown(three[0]!, run.id, 19);
  for (const sent of sents) await sent.ledger.expectStored(three[0]!);
});

test("a run deleted at one collector is gone at the others, not while it is reported, and can be sent again", async () => {
  const [a, b] = (await collectors(2)) as [Collector, Collector];
  const run = describedRun("deleted");
  const first = await TestSender.connect(a.grpcAddress, run);
  first.send({ step: randomStep(run, { sequence: 1 }) });
  await first.untilAcknowledged(1);
  await untilShown(b, run.id, 0);
  const remove = () => fetch(`http://${b.httpAddress}/api/v1/runs/${run.id}`, { method: "DELETE" });
  expect((await remove()).status).toBe(409);
  first.send({ end: { run: run.id, sequence: 2, outcome: v1.RunEnd.Outcome.FINISHED, endedAt: 1 } });
  await first.untilAcknowledged(2);
  first.close();
  await first.status;
  await vi.waitFor(async () => expect((await remove()).status).toBe(204), 30_000);
  await vi.waitFor(async () => expect((await get(a, `/api/v1/runs/${run.id}`)).status).toBe(404), 30_000);

  const sent = new Sent(run);
  const again = await TestSender.connect(a.grpcAddress, run);
  expect(again.acknowledged).toBe(0);
  sent.send(again, 1, 5);
  await again.untilAcknowledged(5);
  await sent.ledger.expectStored(a);
  again.close();
});
