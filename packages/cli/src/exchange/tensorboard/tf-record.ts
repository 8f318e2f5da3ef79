// TFRecord framing: length (uint64), masked CRC of the length, data, masked CRC of the data; all little-endian.
import { maskedCrc32c } from "./crc32c.ts";

const HEAD = 12;
const TAIL = 4;

/** A longer record is no event file's: what was read as its length was something else. */
const LONGEST_RECORD = 256 * 2 ** 20;

export function tfRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(HEAD + data.length + TAIL);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, HEAD);
  record.writeUInt32LE(maskedCrc32c(data), HEAD + data.length);
  return record;
}

/**
 * Records of a file, as its chunks arrive. A last record that is cut off, as a killed writer leaves it, is passed over, and so are the
 * zeros that a file system leaves where it made a file longer and lost power before the data.
 *
 * @param left counts such ends
 * @throws RangeError that names the place, when a checksum is wrong
 */
export async function* readTfRecords(chunks: AsyncIterable<Buffer>, left = { tails: 0 }): AsyncGenerator<Buffer> {
  let unread = Buffer.alloc(0);
  let place = 0;
  let inZeros = false;
  for await (const chunk of chunks) {
    if (inZeros && !isZeros(chunk)) throw new RangeError(`zeros from byte ${place} on, and more after them: damaged`);
    if (inZeros) continue;
    unread = Buffer.concat([unread, chunk]);
    // The checksum of a length of zero is not zero, so no record begins so.
    inZeros = unread.length >= HEAD && isZeros(unread.subarray(0, HEAD)) && isZeros(unread);
    if (inZeros) continue;
    for (let length = recordLength(unread, place); unread.length >= length; length = recordLength(unread, place)) {
      yield checkedData(unread.subarray(0, length), place);
      unread = unread.subarray(length);
      place += length;
      inZeros = unread.length >= HEAD && isZeros(unread);
      if (inZeros) break;
    }
  }
  if (unread.length > 0) left.tails++;
}

function isZeros(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Bytes of the whole record that begins here; infinite while its head is not there yet. */
function recordLength(bytes: Buffer, place: number): number {
  if (bytes.length < HEAD) return Number.POSITIVE_INFINITY;
  checkCrc(bytes.subarray(0, 8), bytes.readUInt32LE(8), `the length at byte ${place}`);
  const length = Number(bytes.readBigUInt64LE(0));
  if (length > LONGEST_RECORD) {
    throw new RangeError(`a record of ${length} bytes at byte ${place}; at most ${LONGEST_RECORD} are read`);
  }
  return HEAD + length + TAIL;
}

function checkedData(record: Buffer, place: number): Buffer {
  const end = record.length - TAIL;
  const data = record.subarray(HEAD, end);
  checkCrc(data, record.readUInt32LE(end), `the data at byte ${place + HEAD}`);
  return data;
}

function checkCrc(bytes: Uint8Array, stated: number, what: string): void {
  if (maskedCrc32c(bytes) !== stated)
    throw new RangeError(`the checksum of ${what} is wrong: damaged, or no TFRecord file`);
}
