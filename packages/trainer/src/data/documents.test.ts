// Long documents in pieces: all of the text, cut where tokenisers join nothing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { piecesOfText } from "./documents.ts";

/** Text of words and the separators given, some million characters: several pieces. */
function textOf(separators: string[]): fc.Arbitrary<string> {
  const part = fc.tuple(fc.constantFrom("word", "a", "l\u00f6ng\u{1F600}er"), fc.constantFrom(...separators));
  return fc.array(part, { minLength: 20, maxLength: 40 }).map((parts) => {
    const unit = parts.flat().join("");
    return unit.repeat(Math.ceil(1_000_000 / unit.length));
  });
}

const piecesOf = (text: string) => [...piecesOfText(text, false)].map((piece) => piece.text);

test.each([
  ["before a space between words", [" ", "\n", "\n\n", "  "], /\S$/, /^ \S/],
  ["after a single line end where there is none", ["\n", "  ", "\n\n"], /\S\n$/, /^\S/],
  ["after a run of line ends where none stands alone", ["\n\n", "\n\n\n", "  "], /\n\n$/, /^[^\n]/],
  ["before white space where there are no lines", ["  ", "\t\t"], /\S$/, /^\s/],
])("are cut %s", (_, separators, before, after) => {
  fc.assert(
    fc.property(textOf(separators), (text) => {
      fc.pre(new RegExp(`\\S${separators[0]}\\S`).test(text));
      const pieces = piecesOf(text);
      expect(pieces.join("") === text).toBe(true);
      expect(pieces.length).toBeGreaterThan(2);
      for (const [index, piece] of pieces.entries()) {
        if (index < pieces.length - 1) expect(piece.slice(-9)).toMatch(before);
        if (index > 0) expect(piece.slice(0, 9)).toMatch(after);
      }
    }),
    { numRuns: 10 },
  );
});

test("are whole characters where there is nothing between words", () => {
  fc.assert(
    fc.property(fc.constantFrom("\u{1F600}", "a\u{1F600}", "\u{1F600}bc"), fc.nat({ max: 3 }), (unit, first) => {
      const text = "x".repeat(first) + unit.repeat(600_000);
      const pieces = piecesOf(text);
      expect(pieces.join("") === text).toBe(true);
      for (const piece of pieces) expect(Buffer.from(piece).toString() === piece).toBe(true);
    }),
    { numRuns: 8 },
  );
});
