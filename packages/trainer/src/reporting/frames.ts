// How messages lie in a spool file: length, checksum, sequence number, bytes. A torn or damaged frame is told from a whole one.
import { crc32 } from "node:zlib";

export interface Frame {
  sequence: number;
  message: Uint8Array;
}

/** Little-endian: length of the message (u32), CRC-32 of all that follows (u32), sequence number (u64). */
export const frameHeaderBytes = 16;
const sequenceAt = 8;

export function frameSize(message: Uint8Array): number {
  return frameHeaderBytes + message.length;
}

export function encodeFrame({ sequence, message }: Frame): Buffer {
  const frame = Buffer.allocUnsafe(frameSize(message));
  frame.writeUInt32LE(message.length, 0);
  frame.writeBigUInt64LE(BigInt(sequence), sequenceAt);
  frame.set(message, frameHeaderBytes);
  frame.writeUInt32LE(crc32(frame.subarray(sequenceAt)), 4);
  return frame;
}

/** @returns the whole frames from the start of `file` on whose sequence numbers follow each other, up to the first that is torn */
export function decodeFrames(file: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + frameHeaderBytes <= file.length; ) {
    const end = at + frameHeaderBytes + file.readUInt32LE(at);
    if (end > file.length || crc32(file.subarray(at + sequenceAt, end)) !== file.readUInt32LE(at + 4)) break;
    const sequence = readSequence(file, at);
    if (frames.length > 0 && sequence !== frames.at(-1)!.sequence + 1) break;
    frames.push({ sequence, message: file.subarray(at + frameHeaderBytes, end) });
    at = end;
  }
  return frames;
}

/** @param at where the frame starts */
export function readSequence(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(at + sequenceAt));
}
