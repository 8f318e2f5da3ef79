// Lines of a text file with their numbers, however long the file.
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { Failure } from "../failure.ts";

export interface Line {
  text: string;
  /** From 1. */
  number: number;
  /** False for a last line without a line break: a writer that was killed may have left only part of it. */
  ended: boolean;
}

/** Characters; a file with a longer line is not one of lines. */
const LONGEST_LINE = 2 ** 28;

/** @param path plain, or compressed when it ends in .gz; a byte order mark is left out */
export async function* readLines(path: string): AsyncGenerator<Line> {
  const file = createReadStream(path);
  const input = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  // The pipe does not hand errors on.
  file.on("error", (error) => input.destroy(error));
  try {
    yield* splitLines(input.setEncoding("utf8"), path);
  } finally {
    file.destroy(); // a reader that stops early leaves the pipe's other end open
  }
}

/**
 * Breaks at line feeds, carriage returns and both together. U+2028 is no line break: it may stand in the strings of JSON.
 *
 * @param chunks pieces of the text, cut anywhere
 * @param path names the text in errors
 */
export async function* splitLines(chunks: AsyncIterable<string>, path: string): AsyncGenerator<Line> {
  let unfinished: string[] = [];
  let length = 0;
  let number = 0;
  let afterReturn = false;
  const line = (ended: boolean): Line => {
    const text = unfinished.join("");
    number++;
    return { text: number === 1 ? text.replace(/^\uFEFF/, "") : text, number, ended };
  };
  for await (const chunk of chunks) {
    if (chunk === "") continue;
    const [first, ...others] = (afterReturn && chunk.startsWith("\n") ? chunk.slice(1) : chunk).split(/\r\n|\n|\r/);
    afterReturn = chunk.endsWith("\r");
    unfinished.push(first!);
    length += first!.length;
    for (const other of others) {
      yield line(true);
      unfinished = [other];
      length = other.length;
    }
    if (length > LONGEST_LINE)
      throw new Failure(`${path}, line ${number + 1} has more than ${LONGEST_LINE} characters: no file of lines`);
  }
  if (length > 0) yield line(false);
}
