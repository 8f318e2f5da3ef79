// The safetensors format (github.com/huggingface/safetensors, "Format"), for 32-bit floats: what Python opens with `load_file`.
//
// 8 bytes: length N of the header, little-endian; N bytes: the header as JSON, padded with spaces; then the values, without gaps.
import type { NamedArray } from "./named-array.ts";

interface Entry {
  dtype: string;
  shape: number[];
  /** First byte and the byte after the last, counted from the end of the header. */
  data_offsets: [number, number];
}

const metadataKey = "__metadata__";
const lengthBytes = 8;

/** @returns the file in pieces, one after another; those of the values share memory with the arrays */
export function encodeSafetensors(arrays: readonly NamedArray[], metadata: Record<string, string> = {}): Uint8Array[] {
  const header: Record<string, Entry | Record<string, string>> = { [metadataKey]: metadata };
  let end = 0;
  for (const { name, shape, values } of arrays) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  return [encodeHeader(header), ...arrays.map(({ values }) => bytesOf(values))];
}

function encodeHeader(header: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  // Values that begin on a multiple of 8 can be mapped into memory.
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(lengthBytes + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, lengthBytes);
  return bytes;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * @param read gives the next bytes of the file, as many as it is asked for
 * @param size of the file in bytes
 * @throws Error that says what is wrong with it
 */
export function decodeSafetensors(read: (bytes: number) => Uint8Array, size: number): NamedArray[] {
  const headerBytes = size < lengthBytes ? Number.NaN : Number(Buffer.from(read(lengthBytes)).readBigUInt64LE());
  const valueBytes = size - lengthBytes - headerBytes;
  if (!(valueBytes >= 0)) throw new Error(`its header does not fit into its ${size} bytes`);
  const { [metadataKey]: _, ...entries } = JSON.parse(Buffer.from(read(headerBytes)).toString()) as Record<
    string,
    Entry
  >;
  return Object.entries(entries)
    .sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])
    .map(([name, entry]) => {
      checkEntry(name, entry, valueBytes);
      const [first, end] = entry.data_offsets;
      // Bytes of its own memory: what is read may be a part of something larger, at an address that no float may have.
      return { name, shape: entry.shape, values: new Float32Array(new Uint8Array(read(end - first)).buffer) };
    });
}

function checkEntry(name: string, { dtype, shape, data_offsets: [first, end] }: Entry, valueBytes: number): void {
  if (dtype !== "F32") throw new Error(`${name} has values of type ${dtype}; only F32 is read`);
  const size = shape.reduce((product, length) => product * length, 1);
  if (end - first !== size * Float32Array.BYTES_PER_ELEMENT || first < 0 || end > valueBytes) {
    throw new Error(`${name} of shape [${shape}] cannot lie in bytes ${first} to ${end} of ${valueBytes}`);
  }
}
