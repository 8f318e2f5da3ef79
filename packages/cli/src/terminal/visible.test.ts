import fc from "fast-check";
import { expect, it } from "vitest";
import { hostileText, unprintableIn } from "../testing/hostile-text.ts";
import { visible } from "./visible.ts";

it("leaves nothing in a text that a terminal would act on", () => {
  fc.assert(fc.property(hostileText, (text) => unprintableIn(visible(text)).length === 0));
  expect(visible("\x1b[2J\u009b\u202eab\ud800")).toBe("\\u001b[2J\\u009b\\u202eab\\ud800");
});

it("leaves everything else as it is, however often it is asked", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), hostileText, (plain, text) => {
      fc.pre(unprintableIn(plain).length === 0);
      expect(visible(plain)).toBe(plain);
      expect(visible(visible(text))).toBe(visible(text));
    }),
  );
});

it("keeps what a string of JSON says", () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      expect(JSON.parse(visible(JSON.stringify(text)))).toBe(text);
    }),
  );
});
