// The two models that search, against what they mean said plainly: all merges one by one, and all ways to write a word.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FilePart } from "./file-part.ts";
import { modelOf } from "./models.ts";

const letters = ["a", "b", "c"];
const word = fc.array(fc.constantFrom(...letters), { maxLength: 14 }).map((parts) => parts.join(""));

/** Merges of what is there already, the lowest first. */
const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 }).map((choices) => {
  const tokens = [...letters];
  const pairs: [string, string][] = [];
  for (const [left, right] of choices) {
    const pair: [string, string] = [tokens[left % tokens.length]!, tokens[right % tokens.length]!];
    if (!tokens.includes(pair.join(""))) tokens.push(pair.join(""));
    if (!pairs.some((other) => other[0] === pair[0] && other[1] === pair[1])) pairs.push(pair);
  }
  return { tokens, pairs };
});

test("byte-pair encoding makes the lowest merge that there is, leftmost first, until there is none", () => {
  fc.assert(
    fc.property(merges, fc.array(word), ({ tokens, pairs }, words) => {
      const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
      const model = modelOf(new FilePart("model", { type: "BPE", vocab, merges: pairs }));
      for (const text of words) expect(model.encode(text).map((id) => tokens[id])).toEqual(mergedOneByOne(text, pairs));
    }),
    { numRuns: 400 },
  );
});

function mergedOneByOne(text: string, pairs: readonly [string, string][]): string[] {
  const symbols = [...text];
  for (;;) {
    const places = pairs.map(([left, right]) => {
      return symbols.findIndex((symbol, place) => symbol === left && symbols[place + 1] === right);
    });
    const place = places.find((found) => found !== -1);
    if (place === undefined) return symbols;
    symbols.splice(place, 2, symbols[place]! + symbols[place + 1]!);
  }
}

test("a unigram model takes the way with the highest sum of scores", () => {
  const token = fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));
  const scores = fc.uniqueArray(fc.tuple(token, fc.integer({ min: -40, max: -1 })), {
    selector: ([text]) => text,
    maxLength: 12,
  });
  fc.assert(
    fc.property(scores, fc.array(word), (chosen, words) => {
      const tokens = new Map<string, number>([...letters.map((letter): [string, number] => [letter, -50]), ...chosen]);
      const vocab: [string, number][] = [["<unk>", 0], ...tokens];
      const model = modelOf(new FilePart("model", { type: "Unigram", vocab, unk_id: 0 }));
      for (const text of words) {
        const ids = model.encode(text);
        expect(ids.map((id) => vocab[id]![0]).join("")).toBe(text);
        expect(ids.reduce((sum, id) => sum + vocab[id]![1], 0)).toBe(highestSum(text, tokens));
      }
    }),
    { numRuns: 400 },
  );
});

function highestSum(text: string, scores: ReadonlyMap<string, number>): number {
  if (text === "") return 0;
  const sums = [...scores].map(([token, score]) => {
    return text.startsWith(token) ? score + highestSum(text.slice(token.length), scores) : Number.NEGATIVE_INFINITY;
  });
  return Math.max(...sums, Number.NEGATIVE_INFINITY);
}
