// Text that no terminal, table or file name likes: it is stored and read back as it was sent, or refused.
import { v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Collector } from "../index.ts";
import { get, getHistory, getProbe, getSummary, startTestCollector } from "../testing/collector.ts";
import { delimited } from "../testing/delimited.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

let collector: Collector;
beforeAll(async () => {
  collector = await startTestCollector();
});
afterAll(() => collector.stop());

/** Every control character, quotes, separators, the first and the last of every length in UTF-8, and what joins with its neighbours. */
const ODD = [
  String.fromCharCode(...Array.from({ length: 32 }, (_, code) => code), 127, 128, 159),
  ...["\u0000", "a\u0000b", "\ufeffbom", "'\"`\\", "a,b;c\td", "{x:String}", "\u2028\u2029", "\u202eabc", "e\u0301"],
  ...["\u0080\u07ff\u0800\uffff", "\u{10000}\u{10ffff}", "👩‍👩‍👧", "__proto__", "constructor", " ", "NULL", "\\N"],
];

test("is stored and read back as it was sent", async () => {
  const categories = ODD;
  const run = describedRun("odd", {
    ...{
      name: ODD[0]!,
      recipe: ODD[1]!,
      strategy: ODD[2]!,
      codeVersion: ODD[3]!,
      parent: ODD[4]!,
      configJson: ODD[5]!,
    },
    ...{ tags: ODD, categories, moeLayers: [1] },
  });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const step = randomStep(run, {
    sequence: 1,
    split: v1.Split.PROBE,
    scalars: ODD.map((name, value) => new v1.Scalar({ name, value })),
    attention: [new v1.AttentionByToken({ layer: 1, tokenClass: ODD, share: ODD.map(() => 1 / 64) })],
  });
  sender.send({ step });
  sender.send({ step: randomStep(run, { sequence: 2, scalars: step.scalars }) });
  const reason = ODD.join("");
  sender.send({ end: { run: run.id, sequence: 3, outcome: v1.RunEnd.Outcome.FAILED, reason, endedAt: 1 } });
  await sender.untilAcknowledged(3);
  expect(sender.rejections).toEqual([]);
  sender.close();

  const summary = await getSummary(collector, run.id);
  expect(summary.reason).toBe(reason);
  expect(summary.run).toMatchObject({
    name: run.name,
    tags: ODD,
    categories: ODD,
    parent: run.parent,
    configJson: ODD[5],
  });
  const { buckets } = await getHistory(collector, run.id);
  expect(new Set(buckets[0]!.scalars.map(({ name }) => name))).toEqual(new Set(ODD));
  expect((await getProbe(collector, run.id)).attention[0]!.tokenClass).toEqual(ODD);
  const stored: v1.ReportRequest[] = [];
  const { body } = await get(collector, "/api/v1/runs/odd/messages");
  for await (const bytes of delimited(body!)) stored.push(v1.ReportRequest.decode(bytes));
  expect(stored[1]!.step!.scalars!.map(({ name }) => name)).toEqual(ODD);
  expect(stored[3]!.end!.reason).toBe(reason);
  const asJson = (await (await get(collector, "/api/v1/runs/odd")).json()) as {
    run: { tags: string[] };
    reason: string;
  };
  expect([asJson.run.tags, asJson.reason]).toEqual([ODD, reason]);
});

test("that is no UTF-8 is refused", async () => {
  const sender = await TestSender.connect(collector.grpcAddress, describedRun("not-utf-8"));
  for (const name of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
    const scalar = protobuf.Writer.create().uint32(10).bytes(Uint8Array.from(name)).finish();
    const step = protobuf.Writer.create().uint32(74).bytes(scalar).finish();
    const before = sender.rejections.length;
    sender.sendBytes(protobuf.Writer.create().uint32(18).bytes(step).finish());
    expect(await sender.untilRejected(before + 1)).toMatchObject({
      ...{ reason: v1.Rejection.Reason.MALFORMED, sequence: before + 1 },
      message: expect.stringMatching(/bytes that are no ReportRequest: .*not valid for encoding utf-8/),
    });
  }
  sender.close();
});
