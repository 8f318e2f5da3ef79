// A text file written line by line, never faster than the disk takes it.
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";

export class LineFile {
  readonly #stream: WriteStream;
  readonly #done: Promise<void>;

  /** @throws through `write` and `close` when the file cannot be made or written */
  constructor(path: string) {
    this.#stream = createWriteStream(path);
    this.#done = finished(this.#stream);
    this.#done.catch(() => {}); // said by whoever writes or closes next
  }

  async write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    if (!this.#stream.write(`${lines.join("\n")}\n`)) await Promise.race([once(this.#stream, "drain"), this.#done]);
  }

  async close(): Promise<void> {
    this.#stream.end();
    await this.#done;
  }
}
