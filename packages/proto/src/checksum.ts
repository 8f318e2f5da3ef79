// Checksums of requests and responses on their way: TCP's lets damage through, and without TLS nothing else would notice. Node alone.
import { crc32 } from "node:zlib";
import protobuf from "protobufjs/minimal.js";

/** `optional fixed32 checksum = 15`, the last field of ReportRequest and ReportResponse. */
const FIELD = 15;
const TAG = (FIELD << 3) | 5;
const BYTES = 5;

/** @param message encoded, without a checksum */
export function withChecksum(message: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(message.length + BYTES);
  whole.set(message);
  whole[message.length] = TAG;
  whole.writeUInt32LE(crc32(message), message.length + 1);
  return whole;
}

/** @returns the message without its checksum; undefined when that is wrong or missing */
export function verified(bytes: Uint8Array): Uint8Array | undefined {
  if (!endsLikeChecksum(bytes)) return undefined;
  const end = bytes.length - BYTES;
  const message = bytes.subarray(0, end);
  const said = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32LE(end + 1);
  return said === crc32(message) ? message : undefined;
}

/** Whether the last bytes may be a checksum, right or wrong, however the bytes before them were damaged. */
export function endsLikeChecksum(bytes: Uint8Array): boolean {
  return bytes.at(-BYTES) === TAG;
}

/** Whether a message has a checksum, right or wrong. Bytes that are no message have none. */
export function hasChecksum(bytes: Uint8Array): boolean {
  const reader = new protobuf.Reader(bytes);
  try {
    while (reader.pos < reader.len) {
      const tag = reader.tag();
      if (tag >>> 3 === FIELD) return true;
      reader.skipType(tag & 7, 0, tag >>> 3);
    }
  } catch {
    // Whoever reads them says what is wrong with them.
  }
  return false;
}
