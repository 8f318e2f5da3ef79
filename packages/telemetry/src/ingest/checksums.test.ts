// Messages with checksums: what was damaged ends the stream, nothing of it is refused or stored.
import { status } from "@grpc/grpc-js";
import { v1 } from "@moescope/proto";
import { verified, withChecksum } from "@moescope/proto/checksum";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Collector } from "../index.ts";
import { get, getSummary, startTestCollector } from "../testing/collector.ts";
import { RawConnection } from "../testing/raw-stream.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

let collector: Collector;
beforeAll(async () => {
  collector = await startTestCollector();
});
afterAll(() => collector.stop());

const encoded = (request: v1.ReportRequest.$Properties) => v1.ReportRequest.encode(request).finish();
const helloOf = (run: v1.RunDescription, checksums: boolean) =>
  encoded({ hello: { protocolVersion: 2, run, checksums } });

function flipped(bytes: Uint8Array, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 4;
  return changed;
}

async function expectDamaged(sender: TestSender, refusedBefore: number): Promise<void> {
  const details = "a message was damaged on the way; send again what is not acknowledged";
  expect(await sender.status).toMatchObject({ code: status.DATA_LOSS, details });
  expect(sender.rejections).toHaveLength(refusedBefore);
}

describe("a stream whose Hello says that every message has one", () => {
  const damages: [string, (whole: Buffer, message: Uint8Array) => Uint8Array][] = [
    ["a bit of a count", (whole) => flipped(whole, 100)],
    ["a bit of the first tag", (whole) => flipped(whole, 0)],
    ["a bit of the checksum", (whole) => flipped(whole, whole.length - 1)],
    ["a bit of its tag", (whole) => flipped(whole, whole.length - 5)],
    ["no checksum at all", (_, message) => message],
    ["its end", (whole) => whole.subarray(0, whole.length - 3)],
    ["everything", () => new Uint8Array(0)],
  ];
  test.each(damages.map((each, index) => [...each, index] as const))("%s", async (_, damage, index) => {
    const run = describedRun(`damaged-${index}`);
    const sender = new TestSender(collector.grpcAddress);
    const before = collector.counters.damaged;
    sender.sendBytes(withChecksum(helloOf(run, true)));
    sender.sendBytes(withChecksum(encoded({ step: randomStep(run, { sequence: 1 }) })));
    await sender.untilAcknowledged(1);
    const message = encoded({ step: randomStep(run, { sequence: 2 }) });
    sender.sendBytes(damage(withChecksum(message), message));
    await expectDamaged(sender, 0);
    expect(collector.counters.damaged).toBe(before + 1);
    const again = await TestSender.connect(collector.grpcAddress, run);
    expect(again.acknowledged).toBe(1);
    again.close();
    const { steps, rejected } = await getSummary(collector, run.id);
    expect([steps, rejected]).toEqual([1, 0]);
  });

  test("the Hello itself", async () => {
    const run = describedRun("damaged-hello");
    for (const bytes of [helloOf(run, true), flipped(withChecksum(helloOf(run, true)), 9)]) {
      const sender = new TestSender(collector.grpcAddress);
      sender.sendBytes(bytes);
      await expectDamaged(sender, 0);
    }
    expect((await get(collector, `/api/v1/runs/${run.id}`)).status).toBe(404);
  });

  test("is answered with checksums, rejections too", async () => {
    const run = describedRun("answered");
    const stream = new RawConnection(collector.grpcAddress).open();
    const answers = stream.messages();
    stream.sendFrame(withChecksum(helloOf(run, true)));
    stream.sendFrame(withChecksum(encoded({ step: randomStep(run, { sequence: 1, split: 0 }) })));
    const kinds: string[] = [];
    for await (const bytes of answers) {
      const answer = verified(bytes);
      expect(answer).toBeDefined();
      kinds.push(v1.ReportResponse.decode(answer!).body!);
      if (kinds.length === 3) break;
    }
    expect(kinds).toEqual(["acknowledgement", "rejection", "acknowledgement"]);
  });
});

describe("a stream whose Hello does not say so", () => {
  test("may have them, and one that is wrong ends it", async () => {
    const run = describedRun("sometimes");
    const sender = await TestSender.connect(collector.grpcAddress, run);
    sender.sendBytes(encoded({ step: randomStep(run, { sequence: 1 }) }));
    sender.sendBytes(withChecksum(encoded({ step: randomStep(run, { sequence: 2 }) })));
    await sender.untilAcknowledged(2);
    sender.sendBytes(flipped(withChecksum(encoded({ step: randomStep(run, { sequence: 3 }) })), 90));
    await expectDamaged(sender, 0);
    expect((await getSummary(collector, run.id)).steps).toBe(2);
  });
});

test("they are counted for Prometheus", async () => {
  const text = await (await get(collector, "/metrics")).text();
  expect(text).toMatch(new RegExp(`^moescope_messages_damaged_total ${collector.counters.damaged}$`, "m"));
});
