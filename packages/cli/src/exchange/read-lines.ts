// Lines of a text file with their numbers, however long the file.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";

/** @param path plain, or compressed when it ends in .gz */
export async function* readLines(path: string): AsyncGenerator<{ text: string; number: number }> {
  const file = createReadStream(path);
  const input = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  // The pipe does not hand errors on.
  file.on("error", (error) => input.destroy(error));
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
    yield { text, number: ++number };
}
