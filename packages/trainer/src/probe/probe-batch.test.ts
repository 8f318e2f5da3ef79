import { expect, test } from "vitest";
import type { Corpus } from "../data/corpus.ts";
import { probeText, repeatedBatch, repeatPeriod } from "./probe-batch.ts";

const [rows, sequence] = [3, 20];
const width = sequence + 1;
const text = (different: number) => ({
  tokens: Int32Array.from({ length: rows * width }, (_, i) => 40 + (i % different)),
  categories: new Int32Array(rows * width),
});

test("every row is random tokens of the text, and the same again", () => {
  const { tokens } = repeatedBatch(text(15), sequence);
  const period = repeatPeriod(sequence);
  for (let row = 0; row < rows; row++) {
    const values = tokens.subarray(row * width, (row + 1) * width);
    for (let at = period; at < width; at++) expect(values[at]).toBe(values[at - period]);
    expect(new Set(values.subarray(0, period)).size).toBe(period);
    for (const token of values) expect(token).toBeGreaterThanOrEqual(40);
    for (const token of values) expect(token).toBeLessThan(55);
  }
  expect(tokens.subarray(0, width)).not.toEqual(tokens.subarray(width, 2 * width));
});

test("a text of few different tokens is enough", () => {
  const { tokens } = repeatedBatch(text(2), sequence);
  expect(new Set(tokens)).toEqual(new Set([40, 41]));
});

test("no patch is taken for a token", () => {
  const patched = { ...text(15), isPatch: Uint8Array.from({ length: rows * width }, (_, i) => Number(i % 15 === 3)) };
  expect(new Set(repeatedBatch(patched, sequence).tokens)).not.toContain(43);
});

/** One row for each text; its last character is only predicted. */
function corpusOf(texts: string[], isPatch?: number[]): { validation: Corpus["validation"] } & Pick<Corpus, "textOf"> {
  const validation = texts.map((text) => ({
    tokens: Int32Array.from(Buffer.from(text)),
    categories: new Int32Array(text.length),
    ...(isPatch && { isPatch: Uint8Array.from(isPatch) }),
  }));
  return { validation, textOf: (token) => String.fromCharCode(token) };
}

const classes = [
  { name: "#", pattern: "#" },
  { name: "*", pattern: "\\*" },
  { name: "never", pattern: "!" },
];

test("the text that is probed is the one in which the rarest class is most frequent", () => {
  const probed = (...texts: string[]) => {
    const { tokens } = probeText(corpusOf(texts) as Corpus, 5, classes).batch;
    return Buffer.from(tokens).toString();
  };
  expect(probed("#*abcd", "##***a", "##*abc")).toBe("##***a");
  expect(probed("abcdef", "*****a", "#*abcd")).toBe("#*abcd");
  expect(probed("abcdef", "ghijkl")).toBe("abcdef");
  // What is only predicted does not count.
  expect(probed("#*abcd", "#abcd*")).toBe("#*abcd");
});

test("a patch is in no class", () => {
  const { classOf } = probeText(corpusOf(["#*a#bc"], [1, 0, 0, 0, 0, 0]) as Corpus, 5, classes);
  expect([...classOf]).toEqual([3, 1, 3, 0, 3]);
});
