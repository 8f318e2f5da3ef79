import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasChecksum, verified, withChecksum } from "./checksum.ts";
import { step } from "./every-field.fixture.ts";
import { v1 } from "./index.ts";

const messages = [
  v1.ReportRequest.encode({ step }).finish(),
  v1.ReportRequest.encode({ end: { run: "run", outcome: 1 } }).finish(),
  v1.ReportResponse.encode({ acknowledgement: { run: "run", sequence: 2 ** 53 - 1 } }).finish(),
  new Uint8Array(0),
];

test.each(messages)("what is appended is the schema's field, of the bytes before it", (message) => {
  const whole = withChecksum(message);
  expect(v1.ReportRequest.decode(whole).checksum).toBe(crc32(message));
  expect(v1.ReportResponse.decode(whole).checksum).toBe(crc32(message));
  expect(Buffer.compare(verified(whole)!, message)).toBe(0);
  expect(hasChecksum(whole)).toBe(true);
  expect(hasChecksum(message)).toBe(false);
});

test("a value that every implementation must find", () => {
  // The check value of CRC-32 (as in zlib, PNG, Ethernet) is of these nine digits.
  expect(withChecksum(Buffer.from("123456789")).subarray(-5)).toEqual(Buffer.from("7d2639f4cb", "hex"));
});

test("no bit of a message can change unnoticed, nor can bytes be cut off or added", () => {
  fc.assert(
    fc.property(fc.constantFrom(...messages), fc.nat(), fc.nat(7), fc.uint8Array(), (message, at, bit, more) => {
      const whole = withChecksum(message);
      const flipped = Buffer.from(whole);
      flipped[at % whole.length]! ^= 1 << bit;
      expect(verified(flipped)).toBeUndefined();
      expect(verified(whole.subarray(0, at % whole.length))).toBeUndefined();
      if (more.length > 0) expect(verified(Buffer.concat([whole, more]))).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

test("any bytes are looked at without an error", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void [verified(bytes), hasChecksum(bytes)]));
});
