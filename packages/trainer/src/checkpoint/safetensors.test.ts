import { expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

/** What `safetensors.numpy.save({"a": array([[1, -2]], dtype="float32")})` of version 0.8.0 writes, byte for byte. */
const header = '{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
const byPython = Buffer.concat([
  Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from(header),
  Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
]);

const arrays = [
  { name: "matrix", shape: [2, 2], values: Float32Array.from([1.5, -0, 3e-39, Number.NaN]) },
  { name: "count", shape: [], values: Float32Array.from([41]) },
  { name: "nothing", shape: [0, 3], values: new Float32Array(0) },
];

function decode(bytes: Buffer) {
  let at = 0;
  const read = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  return decodeSafetensors(read, bytes.length);
}

function file(pieces: Uint8Array[]): Buffer {
  return Buffer.concat(pieces);
}

test("reads what Python writes", () => {
  expect(decode(byPython)).toEqual([{ name: "a", shape: [1, 2], values: Float32Array.from([1, -2]) }]);
});

test("writes the published layout: length, padded header, values one after another", () => {
  const bytes = file(encodeSafetensors(arrays, { step: "3" }));
  const length = Number(bytes.readBigUInt64LE());
  expect(length % 8).toBe(0);
  expect(JSON.parse(bytes.toString("utf8", 8, 8 + length))).toEqual({
    __metadata__: { step: "3" },
    matrix: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
    count: { dtype: "F32", shape: [], data_offsets: [16, 20] },
    nothing: { dtype: "F32", shape: [0, 3], data_offsets: [20, 20] },
  });
  expect(bytes.length).toBe(8 + length + 20);
  expect(bytes.readFloatLE(8 + length)).toBe(1.5);
  expect(bytes.readFloatLE(8 + length + 16)).toBe(41);
});

test("reads back every bit of what it wrote, wherever the file lies in memory", () => {
  const bytes = file([Buffer.alloc(1), ...encodeSafetensors(arrays, { step: "3" })]).subarray(1);
  const decoded = decode(bytes);
  expect(decoded).toEqual(arrays);
  expect(Object.is(decoded[0]!.values[1], -0)).toBe(true);
});

test.each([
  ["a file that is too short", byPython.subarray(0, 7), /does not fit into its 7 bytes/],
  ["a header that is cut", byPython.subarray(0, 30), /does not fit into its 30 bytes/],
  ["values that are cut", byPython.subarray(0, -1), /a of shape \[1,2\] cannot lie in bytes 0 to 8 of 7/],
  ["another type", Buffer.from(byPython.toString("latin1").replace("F32", "F16"), "latin1"), /a has .* F16; only F32/],
])("refuses %s", (_, bytes, says) => {
  expect(() => decode(bytes)).toThrow(says);
});
