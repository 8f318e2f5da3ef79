// Runs that are introduced: many at once, by ranks that know different layers, while the store fails.
import { status } from "@grpc/grpc-js";
import { v1 } from "@moescope/proto";
import { afterEach, expect, test, vi } from "vitest";
import { Database } from "../store/engine/database.ts";
import { StoreError } from "../store/engine/store-error.ts";
import { getSummary, testCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";
import { Introductions } from "./introductions.ts";

const { Reason } = v1.Rejection;
afterEach(() => vi.restoreAllMocks());

/** Counts inserts into `runs`; holds the first until `hellos` Hellos have come in. */
function holdFirstInsert(hellos: number): { inserts: number } {
  const counted = { inserts: 0 };
  const insert = Database.prototype.insert;
  const introduce = vi.spyOn(Introductions.prototype, "introduce");
  vi.spyOn(Database.prototype, "insert").mockImplementation(async function (this: Database, table, ...rest) {
    if (table === "runs" && ++counted.inserts === 1) {
      await vi.waitUntil(() => introduce.mock.calls.length === hellos, { interval: 1, timeout: 60_000 });
    }
    await insert.call(this, table, ...rest);
  });
  return counted;
}

test("300 runs that are introduced at once take four inserts, and all are there after a restart", async () => {
  const first = await testCollector();
  const counted = holdFirstInsert(300);
  const runs = Array.from({ length: 300 }, (_, index) => describedRun(`many-${index}`));
  const senders = await Promise.all(runs.map((run) => TestSender.connect(first.grpcAddress, run)));
  expect(senders.flatMap(({ rejections }) => rejections)).toEqual([]);
  // One run or more in the first, and of those that waited up to 128 in each of the others.
  expect(counted.inserts).toBeLessThanOrEqual(4);
  for (const sender of senders) sender.close();
  await first.stop();
  const second = await testCollector({ dataDirectory: first.dataDirectory });
  for (const { id } of runs) expect((await getSummary(second, id)).run.id).toBe(id);
});

/** A stage of a pipeline: it knows its own layers, and the categories that its data have had so far. */
function stage(layers: number[], categories: string[]): v1.RunDescription {
  const own = layers.map((index) => new v1.MoeLayer({ index, experts: 4 + index, topK: 2 }));
  return describedRun("staged", { moeLayers: [], experts: 0, topK: 0, layers: own, categories, ranks: 3 });
}

function stageStep(rank: number, layer: number, category: number): v1.Step {
  const counts = Array.from({ length: 4 + layer }, () => 2);
  const histograms = [{ layer, categories: [{ category, counts, tokens: counts.length }] }];
  return randomStep(stage([], []), { sequence: 1, rank, histograms } as never);
}

test("every rank describes its own layers and appends categories; all are known to all at once, and after a restart", async () => {
  const first = await testCollector();
  const connect = (run: v1.RunDescription, rank: number) => TestSender.connect(first.grpcAddress, run, rank);
  const [early, late] = [await connect(stage([0, 2], ["code"]), 0), await connect(stage([5], ["code", "docs"]), 1)];
  // What another rank's Hello has added holds for a stream that was open before.
  early.send({ step: stageStep(0, 5, 1) });
  late.send({ step: stageStep(1, 0, 0) });
  await Promise.all([early.untilAcknowledged(1), late.untilAcknowledged(1)]);
  // A rank that knows less than the collector adds nothing, and takes nothing away.
  const third = await connect(stage([2], ["code"]), 2);
  expect([early, late, third].flatMap(({ rejections }) => rejections)).toEqual([]);

  const expected = {
    ...{ categories: ["code", "docs"], moeLayers: [0, 2, 5], experts: 9, topK: 2 },
    layers: [0, 2, 5].map((index) => ({ index, experts: 4 + index, topK: 2 })),
  };
  expect((await getSummary(first, "staged")).run).toMatchObject(expected);
  const contradicting = await connect(stage([2], ["docs"]), 2);
  expect(contradicting.rejections[0]).toMatchObject({
    reason: Reason.DESCRIPTION_CONFLICT,
    message:
      'run staged: category 0 "docs", but it was described before with "code"; a different run needs a different id',
  });
  for (const sender of [early, late, third, contradicting]) sender.close();
  await first.stop();
  const second = await testCollector({ dataDirectory: first.dataDirectory });
  expect((await getSummary(second, "staged")).run).toMatchObject(expected);
});

test("what ranks describe may be too much together", async () => {
  const collector = await testCollector();
  const part = (first: number, count: number) => {
    const layers = Array.from({ length: count }, (_, index) => new v1.MoeLayer({ index: first + index, experts: 1 }));
    return describedRun("together", { moeLayers: [], experts: 0, topK: 0, layers, ranks: 2 });
  };
  const one = await TestSender.connect(collector.grpcAddress, part(0, 16_000), 0);
  const other = await TestSender.connect(collector.grpcAddress, part(16_000, 385), 1);
  expect(one.rejections).toEqual([]);
  expect(other.rejections[0]).toMatchObject({
    reason: Reason.MALFORMED,
    message: "run together: 16385 MoE layers, expected at most 16384",
  });
  for (const sender of [one, other]) sender.close();
});

test.each([
  ["moe_layers", { moeLayers: [1] }, "moe_layers 1, but layers has 0, 2"],
  ["experts", { experts: 4 }, "experts 4, but the most of layers is 6"],
  ["top_k", { topK: 1 }, "top_k 1, but the most of layers is 2"],
])("%s that is not what the layers say is refused", async (_, changes, words) => {
  const collector = await testCollector();
  const sender = await TestSender.connect(collector.grpcAddress, Object.assign(stage([0, 2], ["a"]), changes));
  expect(sender.rejections[0]).toMatchObject({ reason: Reason.MALFORMED, message: `run staged: ${words}` });
  sender.close();
});

test("while the store takes no descriptions, those who bring one are told to come again, and all others go on", async () => {
  const collector = await testCollector();
  const known = describedRun("known", { ranks: 2 });
  const early = await TestSender.connect(collector.grpcAddress, known);
  const insert = Database.prototype.insert;
  const failing = vi.spyOn(Database.prototype, "insert").mockImplementation(function (this: Database, table, ...rest) {
    if (table === "runs")
      return Promise.reject(Object.assign(new StoreError("no space left on device"), { code: "ENOSPC" }));
    return insert.call(this, table, ...rest);
  });
  const hello = (run: v1.RunDescription, rank = 0) => {
    const sender = new TestSender(collector.grpcAddress);
    sender.send({ hello: { protocolVersion: 2, run, rank } });
    return sender;
  };
  // The second would be refused for what the first says, if that were stored.
  const refused = [hello(describedRun("new")), hello(describedRun("new", { seed: 2 }))];
  const late = hello(known, 1);
  await late.untilAcknowledged(0);
  for (const sender of refused) {
    expect(await sender.status).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/no space left/),
    });
    expect(sender.answers).toEqual([]);
  }
  failing.mockRestore();
  const again = await TestSender.connect(collector.grpcAddress, describedRun("new", { seed: 2 }));
  expect(again.rejections).toEqual([]);
  for (const sender of [early, late, again]) sender.close();
});
