// Length-delimited messages of a stream of bytes, one at a time.
import protobuf from "protobufjs/minimal.js";

/** @returns each message's bytes, without its length */
export async function* delimited(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let unread = Buffer.alloc(0);
  for await (const chunk of chunks) {
    unread = Buffer.concat([unread, chunk]);
    for (let at = placeOf(unread); at !== undefined; at = placeOf(unread)) {
      yield unread.subarray(at.from, at.to);
      unread = unread.subarray(at.to);
    }
  }
}

/** Where the first message lies, when all of it is there. */
function placeOf(bytes: Buffer): { from: number; to: number } | undefined {
  if (bytes.length === 0 || (bytes.length < 5 && bytes.every((byte) => byte >= 128))) return undefined;
  const reader = protobuf.Reader.create(bytes);
  const length = reader.uint32();
  return reader.pos + length <= bytes.length ? { from: reader.pos, to: reader.pos + length } : undefined;
}
