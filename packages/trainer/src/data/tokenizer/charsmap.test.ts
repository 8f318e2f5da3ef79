import fc from "fast-check";
import { expect, test } from "vitest";
import { FilePart } from "./file-part.ts";
import { normalizerOf } from "./normalizers.ts";
import { fixture, type Values } from "./tokenizers.fixture.ts";

const { file } = fixture.tokenizers["normalizer Precompiled"]!;
const normalize = normalizerOf(new FilePart("normalizer", file.normalizer as Values));

test("a long text becomes what its parts become, wherever the windows are that it is segmented in", () => {
  // Each begins a cluster of its own.
  const parts = [
    "中",
    "é\u20dd",
    "e\u0301",
    "カ\u3099",
    "한",
    "😀",
    "👩\u200d🔬",
    "🇩🇪",
    "z\u0301\u0301\u0301",
    "ﬁ",
    "क्ष",
    "ẞ",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 200, maxLength: 600 }), (chosen) => {
      expect(normalize(chosen.join(""))).toBe(chosen.map(normalize).join(""));
    }),
    { numRuns: 60 },
  );
});

test("a cluster that is longer than a window is left together", () => {
  const cluster = `z${"\u0301".repeat(5000)}`;
  expect(normalize(`中${cluster}中`)).toBe(`中${cluster}中`);
});
