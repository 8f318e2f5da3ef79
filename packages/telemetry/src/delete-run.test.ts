// A run read back as its messages is what its ranks sent; deleted, nothing of it is left; sent again, it is as before.
import { v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";
import { expect, it } from "vitest";
import type { Collector } from "./index.ts";
import { asStored } from "./store/writing/gates.ts";
import { get, getHistory, testCollector } from "./testing/collector.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

const run = describedRun("r", { ranks: 2 });

/** A step with everything that a step can have; the bias of a router is that of all ranks. */
function fullStep(sequence: number, rank: number, attempt: number): v1.Step {
  const step = randomStep(run, {
    ...{ sequence, rank, attempt, split: sequence % 5 === 0 ? v1.Split.PROBE : v1.Split.TRAIN },
    attention: [new v1.AttentionByToken({ layer: 1, head: -1, tokenClass: ["#", "other"], share: [0.25, 0.75] })],
    heads: [new v1.HeadProfile({ layer: 1, head: 2, previousToken: 0.5, induction: 0.25, broad: 1 })],
    saturation: sequence < 4 ? [] : [new v1.RouterSaturation({ layer: 1, earlierStep: [1, 2], share: [0.5, 1] })],
  });
  for (const histogram of step.histograms) histogram.selectionBias = [sequence, -0.5, 0, attempt];
  return step;
}

function sentBy(rank: number, attempt: number): v1.ReportRequest.$Properties[] {
  const steps = Array.from({ length: 10 }, (_, index) => ({ step: fullStep(index + 1, rank, attempt) }));
  const end = {
    run: "r",
    rank,
    attempt,
    sequence: 11,
    outcome: v1.RunEnd.Outcome.STOPPED,
    reason: "enough",
    endedAt: 9,
  };
  return [...steps, { end: v1.RunEnd.create(end) }];
}

async function sendAll(collector: Collector): Promise<v1.ReportRequest.$Properties[]> {
  const all: v1.ReportRequest.$Properties[] = [];
  for (const attempt of [0, 1]) {
    for (const rank of [0, 1]) {
      const sender = await TestSender.connect(collector.grpcAddress, run, rank, attempt);
      const messages = sentBy(rank, attempt);
      for (const message of messages) sender.send(message);
      await sender.untilAcknowledged(11);
      sender.close();
      await sender.status;
      all.push(...messages);
    }
  }
  return all;
}

async function messagesOf(collector: Collector): Promise<v1.ReportRequest[]> {
  const answer = await get(collector, "/api/v1/runs/r/messages");
  const reader = protobuf.Reader.create(new Uint8Array(await answer.arrayBuffer()));
  const messages: v1.ReportRequest[] = [];
  while (reader.pos < reader.len) messages.push(v1.ReportRequest.decodeDelimited(reader));
  return messages;
}

function sorted(messages: v1.ReportRequest.$Properties[]): object[] {
  const place = ({ step, end }: v1.ReportRequest.$Properties) => {
    const { attempt, sequence, rank } = (step ?? end) as v1.Step;
    return attempt * 1e6 + sequence * 1e3 + rank;
  };
  return [...messages].sort((a, b) => place(a) - place(b)).map((message) => v1.ReportRequest.toObject(plain(message)));
}

/** As it comes off the wire, and is stored. */
function plain(message: v1.ReportRequest.$Properties): v1.ReportRequest {
  const received = v1.ReportRequest.decode(v1.ReportRequest.encode(message).finish());
  if (received.step) asStored(received.step as v1.Step);
  return v1.ReportRequest.decode(v1.ReportRequest.encode(received).finish());
}

const remove = (collector: Collector) => fetch(`http://${collector.httpAddress}/api/v1/runs/r`, { method: "DELETE" });

it("is read back message by message, deleted, and is the same when it is sent again", async () => {
  const collector = await testCollector();
  const sent = await sendAll(collector);
  const [hello, ...messages] = await messagesOf(collector);
  // With its layers in the fields of protocol 2 as well.
  expect(v1.RunDescription.toObject(hello!.hello!.run!)).toMatchObject(v1.RunDescription.toObject(run));
  expect(sorted(messages)).toEqual(sorted(sent));
  // They come so that ranks are in step, attempt after attempt.
  expect(messages.map((message) => v1.ReportRequest.toObject(message))).toEqual(sorted(messages));

  expect(collector.counters.rejected).toEqual({});
  const before = await getHistory(collector, "r", "layers=all");
  expect((await remove(collector)).status).toBe(204);
  expect((await get(collector, "/api/v1/runs/r")).status).toBe(404);
  expect((await remove(collector)).status).toBe(404);

  await sendAll(collector);
  expect(await getHistory(collector, "r", "layers=all")).toEqual(before);
  expect(sorted((await messagesOf(collector)).slice(1))).toEqual(sorted(sent));
});

it("is not there after a restart either, and other runs are", async () => {
  const first = await testCollector();
  await sendAll(first);
  const other = describedRun("other");
  const sender = await TestSender.connect(first.grpcAddress, other);
  sender.send({ step: randomStep(other, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  sender.close();
  expect((await remove(first)).status).toBe(204);
  await first.stop();
  const second = await testCollector({ dataDirectory: first.dataDirectory });
  expect((await get(second, "/api/v1/runs/r")).status).toBe(404);
  expect((await getHistory(second, "other", "layers=all")).buckets).toHaveLength(1);
});

it("is refused while somebody reports the run", async () => {
  const collector = await testCollector();
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const answer = await remove(collector);
  expect(answer.status).toBe(409);
  expect(await answer.json()).toEqual({ error: { message: "run r is being reported; stop it before it is deleted" } });
  sender.close();
});
