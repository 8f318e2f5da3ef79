// Framing and checksums, against vectors of RFC 3720 and against files that were damaged on purpose.
import { expect, it } from "vitest";
import { gathered } from "../../testing/gathered.ts";
import { crc32c } from "./crc32c.ts";
import { decodeEvent, encodeEvent, scalarOf } from "./event.ts";
import { readTfRecords, tfRecord } from "./tf-record.ts";

it("computes CRC-32C as RFC 3720, B.4 does", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

it("writes the bytes that tensorboard's own RecordWriter writes", () => {
  const written = "0800000000000000ff86240f6d6f6573636f7065e1f9f0a5";
  expect(tfRecord(Buffer.from("moescope")).toString("hex")).toBe(written);
});

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

const records = ["", "one", "x".repeat(1000)].map((text) => Buffer.from(text));
const file = Buffer.concat(records.map(tfRecord));

it.each([1, 7, 4096])("reads back what it wrote, in chunks of %i bytes", async (size) => {
  expect(await gathered(readTfRecords(cut(file, size)))).toEqual(records);
});

it("passes over a last record that is cut off", async () => {
  expect(await gathered(readTfRecords(cut(file.subarray(0, -1), 64)))).toEqual(records.slice(0, 2));
});

it.each([
  ["length", 16, "the length at byte 16"],
  ["data", 29, "the data at byte 28"],
])("says where a damaged %s is", async (_, place, message) => {
  const damaged = Buffer.from(file);
  damaged[place]! ^= 1;
  await expect(gathered(readTfRecords(cut(damaged, 64)))).rejects.toThrow(message);
});

it("reads a scalar in each of the forms that writers use", () => {
  const float = Buffer.alloc(4);
  float.writeFloatLE(0.25);
  const values = [
    { tag: "pytorch", simpleValue: 0.5 },
    { tag: "tensorflow", tensor: { dtype: 1, floatVal: [0.125] } },
    { tag: "packed", tensor: { dtype: 1, tensorContent: float } },
    { tag: "double", tensor: { dtype: 2, doubleVal: [1e-300] } },
    { tag: "int64", tensor: { dtype: 9, int64Val: [-3] } },
    { tag: "packed int64", tensor: { dtype: 9, tensorContent: new Uint8Array([254, ...new Array(7).fill(255)]) } },
    { tag: "half", tensor: { dtype: 19, halfVal: [0xc248] } },
    { tag: "packed half", tensor: { dtype: 19, tensorContent: new Uint8Array([0x01, 0x00]) } },
    { tag: "bfloat16", tensor: { dtype: 14, halfVal: [0x3fc0] } },
    { tag: "histogram", tensor: { dtype: 2, doubleVal: [1, 2, 3] } },
  ];
  const event = decodeEvent(encodeEvent({ wallTime: 1.5, step: 2 ** 40, summary: { value: values } }));
  expect(event).toMatchObject({ wallTime: 1.5, step: 2 ** 40 });
  expect(event.summary!.value.map(scalarOf)).toEqual([
    0.5,
    0.125,
    0.25,
    1e-300,
    -3,
    -2,
    -3.140625,
    2 ** -24,
    1.5,
    undefined,
  ]);
});
