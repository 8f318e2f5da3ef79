// Lines, wherever the pieces of a text are cut.
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { gathered } from "../testing/gathered.ts";
import { temporaryDirectory } from "../testing/moescope.ts";
import { readLines, splitLines } from "./read-lines.ts";

const piece = fc.oneof(fc.constantFrom("\n", "\r", "\r\n", "", "\u2028", "\uFEFF", "a,b"), fc.string({ maxLength: 4 }));

async function* each(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

it("are those of the whole text, with their numbers, and say whether the last one ended", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (chunks) => {
      const text = chunks.join("");
      const parts = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").split("\n");
      const last = parts.pop()!;
      const expected = [...parts.map((line) => [line, true]), ...(last === "" ? [] : [[last, false]])];
      if (expected.length > 0) expected[0]![0] = (expected[0]![0] as string).replace(/^\uFEFF/, "");
      const lines = await gathered(splitLines(each(chunks), "text"));
      expect(lines.map(({ text, ended }) => [text, ended])).toEqual(expected);
      expect(lines.map(({ number }) => number)).toEqual(expected.map((_, index) => index + 1));
    }),
    { numRuns: 300 },
  );
});

it("of a compressed file that was appended to, with letters of several bytes across its chunks", async () => {
  const path = join(temporaryDirectory(), "long.jsonl.gz");
  const lines = Array.from({ length: 20_000 }, (_, index) => `${"é".repeat(index % 7)}${index}`);
  writeFileSync(path, gzipSync(`${lines.slice(0, 9_000).join("\n")}\n`));
  appendFileSync(path, gzipSync(lines.slice(9_000).join("\n")));
  expect((await gathered(readLines(path))).map(({ text }) => text)).toEqual(lines);
});

it("a compressed file that is cut off, or none, is an error", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "cut.gz"), gzipSync("a\n".repeat(1_000)).subarray(0, 20));
  await expect(gathered(readLines(join(directory, "cut.gz")))).rejects.toThrow(/unexpected end of file/);
  writeFileSync(join(directory, "plain.gz"), "a\n");
  await expect(gathered(readLines(join(directory, "plain.gz")))).rejects.toThrow(/incorrect header check/);
  await expect(gathered(readLines(join(directory, "none.gz")))).rejects.toThrow(/ENOENT/);
});
