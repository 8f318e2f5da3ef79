import fc from "fast-check";
import { expect, test } from "vitest";
import { xmlFile } from "./xml-file.ts";

/** As XML 1.0 (fifth edition) defines Char. */
function isXml(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000;
}

test("a file of XML has only characters that XML knows, and keeps all of those", () => {
  const unit = fc.oneof(
    fc.constantFrom("\0", "\x1b", "\x07", "\t", "\n", "\ud83d", "\udc00", "\ufffe", "\uffff", "\u{1f600}"),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      const expected = [...text].map((character) => (isXml(character.codePointAt(0)!) ? character : "\ufffd"));
      expect(xmlFile(`<a>${text}</a>`)).toBe(`<?xml version="1.0" encoding="UTF-8"?>\n<a>${expected.join("")}</a>\n`);
    }),
  );
});
