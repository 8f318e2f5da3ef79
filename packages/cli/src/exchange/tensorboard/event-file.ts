// A TensorBoard event file: written event by event, read event by event.

import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { decodeEvent, type Event, encodeEvent, FILE_VERSION, type SummaryValue } from "./event.ts";
import { readTfRecords, tfRecord } from "./tf-record.ts";

export class EventFile {
  readonly #stream: WriteStream;
  readonly #done: Promise<void>;

  /** @param startedAt seconds since the Unix epoch */
  constructor(path: string, startedAt: number) {
    this.#stream = createWriteStream(path);
    this.#done = finished(this.#stream);
    this.#done.catch(() => {}); // said by whoever writes or closes next
    this.#stream.write(tfRecord(encodeEvent({ wallTime: startedAt, step: 0, fileVersion: FILE_VERSION })));
  }

  /** @param wallTime seconds since the Unix epoch */
  async write(wallTime: number, step: number, value: SummaryValue[]): Promise<void> {
    const record = tfRecord(encodeEvent({ wallTime, step, summary: { value } }));
    if (!this.#stream.write(record)) await Promise.race([once(this.#stream, "drain"), this.#done]);
  }

  async close(): Promise<void> {
    this.#stream.end();
    await this.#done;
  }
}

/**
 * @param unread counts what a killed writer left at the end: a part of a record, or zeros
 * @throws RangeError that names the place, when a checksum is wrong
 */
export async function* readEvents(path: string, unread = { tails: 0 }): AsyncGenerator<Event> {
  for await (const data of readTfRecords(createReadStream(path), unread)) yield decodeEvent(data);
}
