// Text as a hostile sender writes it, and what a terminal must never be sent, told apart by code point and not by the code under test.
import fc from "fast-check";

const marks = [0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069];

/** Characters that a line may not have: controls, bidirectional marks, halves of surrogate pairs. */
export function unprintableIn(line: string): string[] {
  return [...line].filter((character) => {
    const code = character.codePointAt(0)!;
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || marks.includes(code) || (code >= 0xd800 && code <= 0xdfff);
  });
}

const sequences = [
  "\x1b]0;owned\x07",
  "\x1b[2J",
  "\x9b31m",
  "\r\n",
  "\n",
  "\t",
  "\x7f",
  "\ud83d",
  "\udc00",
  "|",
  "<br>",
  "\\u001b",
];

/** Any text, rich in what steers a terminal. */
export const hostileText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...sequences, ...marks.map((code) => String.fromCharCode(code))),
    fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)),
    fc.string({ unit: "binary", maxLength: 4 }),
  ),
});
