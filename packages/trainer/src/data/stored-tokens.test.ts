import { truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useDataFolder } from "./data-folder.fixture.ts";
import { Random } from "./random.ts";
import {
  joinTokens,
  partOf,
  type StoredTokens,
  type TokenWidth,
  tokensInFile,
  tokensInMemory,
} from "./stored-tokens.ts";
import { TokenWriter } from "./token-writer.ts";

const folder = useDataFolder();

function read(tokens: StoredTokens, start: number, count: number): number[] {
  const into = new Int32Array(count).fill(-1);
  tokens.read(start, into);
  return [...into];
}

test.each([undefined, 0])("any stretch of several in a row is what their concatenation holds (end %s)", (end) => {
  const random = new Random(1);
  const texts = [5, 0, 1, 0, 0, 17, 3].map((length) => Uint8Array.from({ length }, () => random.between(1, 255)));
  const whole = texts.flatMap((text) => [...text, ...(end === undefined ? [] : [end])]);
  const joined = joinTokens(texts.map(tokensInMemory), end);
  expect(joined.length).toBe(whole.length);
  for (let from = 0; from <= whole.length; from++) {
    for (let to = from; to <= whole.length; to++) expect(read(joined, from, to - from)).toEqual(whole.slice(from, to));
  }
  const part = partOf(joined, 3, whole.length - 2);
  expect(read(part, 1, part.length - 1)).toEqual(whole.slice(4, -2));
});

test.each<[TokenWidth, number]>([
  [1, 2 ** 8],
  [2, 2 ** 16],
  [4, 2 ** 31],
])("tokens of %s bytes come back from a file as they were written", (width, limit) => {
  const random = new Random(2);
  // More than the buffer of a writer holds.
  const tokens = Array.from({ length: 300_000 }, () => random.below(limit));
  const path = join(folder.path, `tokens-${width}`);
  const writer = new TokenWriter(path, width);
  writer.write(tokens.slice(0, 1000));
  for (const token of tokens.slice(1000)) writer.push(token);
  writer.close();
  expect(writer.length).toBe(tokens.length);
  const file = tokensInFile({ path, length: tokens.length, width });
  expect(read(file, 0, tokens.length)).toEqual(tokens);
  expect(read(file, 262_100, 90)).toEqual(tokens.slice(262_100, 262_190));
});

test("a file that became shorter is named", () => {
  const path = folder.write("shrinks.txt", "0123456789");
  const file = tokensInFile({ path, length: 10, width: 1 });
  truncateSync(path, 4);
  expect(() => read(file, 2, 5)).toThrow(/shrinks\.txt became shorter during training: nothing at byte 4/);
});
