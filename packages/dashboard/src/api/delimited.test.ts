import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { delimited } from "../testing/answering-server.ts";
import { syntheticStep } from "../testing/synthetic-run.ts";
import { DelimitedDecoder } from "./delimited.ts";

const events = [
  { step: syntheticStep(0) },
  { heartbeat: {} },
  {},
  { step: syntheticStep(1) },
  { dropped: { events: 300 } },
];
const stream = Buffer.concat(events.map(delimited));

test.each([1, 2, 3, 7, 64, stream.length])("messages survive chunks of %i bytes", (size) => {
  const decoder = new DelimitedDecoder();
  const messages: Uint8Array[] = [];
  for (let start = 0; start < stream.length; start += size)
    messages.push(...decoder.push(stream.subarray(start, start + size)));
  expect(messages.map((bytes) => v1.LiveEvent.toObject(v1.LiveEvent.decode(bytes)))).toEqual(
    events.map((event) => v1.LiveEvent.toObject(v1.LiveEvent.fromObject(event))),
  );
});

test("a length that no message has is refused instead of waited for", () => {
  expect(() => new DelimitedDecoder().push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow(/4294967295 bytes/);
  expect(() => new DelimitedDecoder().push(new Uint8Array(12).fill(0xff))).toThrow(/longer than ten bytes/);
});
