import { expect, test, vi } from "vitest";
import { get, getHistory, temporaryDirectory } from "../../testing/collector.ts";
import { CollectorProcess } from "../../testing/collector-process.ts";
import { canMount, SmallDisk } from "../../testing/full-disk.ts";
import { healthOf } from "../../testing/health.ts";
import { Ledger } from "../../testing/ledger.ts";
import { PersistentSender } from "../../testing/persistent-sender.ts";
import { quiet } from "../../testing/quiet.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";

vi.setConfig({ testTimeout: 120_000 });

const run = describedRun("full-disk", { experts: 64 });
const step = (sequence: number) => randomStep(run, { sequence });

test.skipIf(!canMount())(
  "a disk that is full to the last byte stops acknowledgements, and loses and doubles nothing once there is room",
  async () => {
    const dataDirectory = temporaryDirectory();
    const disk = new SmallDisk(dataDirectory, 64);
    const collector = await CollectorProcess.start(dataDirectory, undefined, { keepFree: 0 });
    const sender = await TestSender.connect(collector.grpcAddress, run);
    sender.send({ step: step(1) });
    await sender.untilAcknowledged(1);

    for (const occurrence of [1, 2]) {
      const before = sender.acknowledged;
      disk.fill();
      for (let sequence = before + 1; sequence <= before + 20; sequence++) sender.send({ step: step(sequence) });
      await vi.waitFor(() => expect(failures(collector)).toBe(occurrence), 10_000);
      expect(collector.log()).toMatch(/not enough space|No space left/i);
      expect(sender.acknowledged).toBe(before);
      expect((await get(collector, "/readyz")).status).toBe(503);
      expect(await (await get(collector, "/metrics")).text()).toMatch(/^moescope_serving 0$/m);
      disk.free();
      await sender.untilAcknowledged(before + 20);
      expect((await get(collector, "/readyz")).status).toBe(200);
    }

    const { buckets } = await getHistory(collector, run.id, "layers=all");
    expect(buckets.map((bucket) => bucket.firstStep)).toEqual(Array.from({ length: 41 }, (_, index) => index));
    for (const bucket of buckets) {
      const sent = step(bucket.firstStep + 1).histograms.map((histogram) => histogram.categories.map((c) => c.counts));
      expect(bucket.layers.map((layer) => layer.categories.map((category) => category.counts))).toEqual(sent);
    }

    disk.fill();
    sender.send({ step: step(42) });
    await vi.waitFor(() => expect(failures(collector)).toBe(3), 10_000);
    const stoppedAt = Date.now();
    expect(await collector.stop()).toBe(0);
    expect(Date.now() - stoppedAt).toBeLessThan(3_000);
    disk.free();
  },
);

test.skipIf(!canMount())(
  "a full disk holds back many senders, which go on by themselves once there is room",
  async () => {
    const dataDirectory = temporaryDirectory();
    const disk = new SmallDisk(dataDirectory, 256);
    const collector = await CollectorProcess.start(dataDirectory, undefined, {
      maxPendingBytes: 300_000,
      keepFree: 24 * 2 ** 20,
    });
    const ledger = new Ledger();
    const ranks = describedRun("held-back", { experts: 64, ranks: 6 });
    let enough = false;
    const senders = Array.from({ length: 6 }, (_, rank) => {
      const address = () => collector.grpcAddress;
      return new PersistentSender({ run: ranks, rank, ledger, address, goesOn: () => !enough, window: 10_000 });
    });
    const sent = Promise.all(senders.map((sender) => sender.run()));
    const least = (of: "made" | "acknowledged") => Math.min(...senders.map((sender) => sender[of]));
    await vi.waitUntil(() => least("acknowledged") > 0, 60_000);
    disk.fillBut(6);
    await vi.waitUntil(() => failures(collector) === 1, 60_000);
    expect(collector.log()).toMatch(/not enough space: \d+ MiB are free on the disk of .*, and 24 MiB must stay free/);
    await vi.waitUntil(() => collector.log().includes("merges no parts until there is room"), 60_000);
    disk.fill();
    // They make no more: the window of none is used up, but nobody takes what they have.
    await quiet(() => ledger.size);
    expect(senders.every(({ made, acknowledged }) => made - acknowledged < 1_000)).toBe(true);
    const held = least("made");
    disk.free();
    await vi.waitUntil(() => least("acknowledged") > held, 60_000);
    expect(collector.log()).toContain("parts of the store are merged again");
    enough = true;
    await sent;
    expect(senders.map(({ connections }) => connections)).toEqual([1, 1, 1, 1, 1, 1]);
    await ledger.expectStored(collector);
  },
);

test.skipIf(!canMount()).each([0, 24])(
  "a collector that keeps %i MiB free says so while there are none, before a write has failed, and takes it back",
  async (mebibytes) => {
    const dataDirectory = temporaryDirectory();
    const disk = new SmallDisk(dataDirectory, 128);
    const collector = await CollectorProcess.start(dataDirectory, undefined, { keepFree: mebibytes * 2 ** 20 });
    const untilReady = (status: number) =>
      vi.waitUntil(async () => {
        const answer = await get(collector, "/readyz");
        if (answer.status !== status) return undefined;
        return status === 200 ? answer.text() : ((await answer.json()) as { error: Error }).error.message;
      }, 10_000);
    expect(await untilReady(200)).toBe("ready\n");
    disk.fill();
    expect(await untilReady(503)).toBe(`the disk of ${dataDirectory} is full`);
    expect(await healthOf(collector.grpcAddress, "")).toBe("NOT_SERVING");
    expect(await (await get(collector, "/metrics")).text()).toMatch(/^moescope_serving 0$/m);
    disk.free();
    await untilReady(200);
    disk.fillBut(6);
    const short = /^not enough space: [56] MiB are free on the disk of \/.*, and 24 MiB must stay free$/;
    if (mebibytes > 0) expect(await untilReady(503)).toMatch(short);
    disk.free();
    await untilReady(200);
    expect(await healthOf(collector.grpcAddress, "")).toBe("SERVING");
    expect(failures(collector)).toBe(0);
  },
);

test.skipIf(!canMount())("a run can be deleted to make room", async () => {
  const dataDirectory = temporaryDirectory();
  const disk = new SmallDisk(dataDirectory, 64);
  const collector = await CollectorProcess.start(dataDirectory, undefined, { keepFree: 24 * 2 ** 20 });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  for (let sequence = 1; sequence <= 40; sequence++) sender.send({ step: step(sequence) });
  await sender.untilAcknowledged(40);
  sender.close();
  disk.fillBut(6);
  await vi.waitUntil(() => collector.log().includes("merges no parts"), 60_000);
  const url = `http://${collector.httpAddress}/api/v1/runs/${run.id}`;
  expect((await fetch(url, { method: "DELETE" })).status).toBe(204);
  expect((await get(collector, `/api/v1/runs/${run.id}`)).status).toBe(404);
  // It goes on keeping the disk from filling up.
  await vi.waitFor(() => expect(collector.log().split("merges no parts").length - 1).toBe(2), 60_000);
  expect(await collector.stop()).toBe(0);
});

/** How often the log says that the store refuses data. */
function failures({ log }: CollectorProcess): number {
  return log().split("the store refuses data").length - 1;
}
