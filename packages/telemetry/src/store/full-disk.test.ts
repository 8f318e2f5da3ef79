import { expect, test, vi } from "vitest";
import { get, getHistory, temporaryDirectory } from "../testing/collector.ts";
import { CollectorProcess } from "../testing/collector-process.ts";
import { canMount, SmallDisk } from "../testing/full-disk.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

const run = describedRun("full-disk", { experts: 64 });
const step = (sequence: number) => randomStep(run, { sequence });

test.skipIf(!canMount())(
  "a full disk stops acknowledgements, and loses and doubles nothing once there is room",
  async () => {
    const dataDirectory = temporaryDirectory();
    const disk = new SmallDisk(dataDirectory, 64);
    const collector = await CollectorProcess.start(dataDirectory);
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

/** How often the log says that the store refuses data. */
function failures({ log }: CollectorProcess): number {
  return log().split("the store refuses data").length - 1;
}
