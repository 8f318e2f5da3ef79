import { expect, test } from "vitest";
import { random } from "../../testing/runs.ts";
import { piecesOf, WIDTHS, widthsOf } from "./pieces.ts";

const sealedUntil = (until: number, formerUntil: number) => ({ spans: [{ from: 0, until }], exponent: 0, formerUntil });

/** Each step of the range stands in one piece, and rollups keep to multiples of their width. */
function expectToCover(
  pieces: ReturnType<typeof piecesOf>,
  { from, before, bucketWidth }: { from: number; before: number; bucketWidth: number },
): void {
  expect(pieces[0]!.from).toBe(from);
  expect(pieces.at(-1)!.before).toBe(before);
  for (const [index, { width, from, before }] of pieces.entries()) {
    if (index > 0) expect(from).toBe(pieces[index - 1]!.before);
    expect([from % width, before % width, bucketWidth % width]).toEqual([0, 0, 0]);
  }
}

test.each([
  ["nothing is sealed", 0, 1000, 256, 0, 0, [[1, 0, 1000]]],
  ["a bucket narrower than any rollup", 0, 1000, 16, 992, 0, [[1, 0, 1000]]],
  ["a bucket between two widths is made of the narrower", 0, 192, 64, 192, 0, [[32, 0, 192]]],
  [
    "the tail that is not sealed",
    0,
    1000,
    128,
    992,
    0,
    [
      [128, 0, 896],
      [32, 896, 992],
      [1, 992, 1000],
    ],
  ],
  [
    "both ends cut",
    5,
    403,
    128,
    1024,
    0,
    [
      [1, 5, 32],
      [32, 32, 128],
      [128, 128, 384],
      [1, 384, 403],
    ],
  ],
  [
    "rollups of the former width, then others",
    5,
    700,
    64,
    1024,
    112,
    [
      [1, 5, 16],
      [16, 16, 112],
      [1, 112, 128],
      [32, 128, 672],
      [1, 672, 700],
    ],
  ],
  [
    "a wide rollup over the border between both",
    0,
    512,
    256,
    512,
    320,
    [
      [128, 0, 256],
      [16, 256, 320],
      [32, 320, 384],
      [128, 384, 512],
    ],
  ],
  ["one step", 17, 18, 1, 1024, 1024, [[1, 17, 18]]],
] as const)("%s", (_, from, before, bucketWidth, until, formerUntil, expected) => {
  const pieces = piecesOf(from, before, bucketWidth, sealedUntil(until, formerUntil));
  expect(pieces.map((piece) => [piece.width, piece.from, piece.before])).toEqual(expected);
});

test("pieces cover any range once, keep to buckets and to what is sealed, and are few", () => {
  const next = random(3);
  for (let round = 0; round < 2000; round++) {
    const from = Math.floor(next() * 200_000);
    const before = from + 1 + Math.floor(next() ** 4 * 1_000_000);
    const bucketWidth = 2 ** Math.floor(next() * 21);
    const sealed = Math.floor((next() * 1_200_000) / 32) * 32;
    const formerUntil = next() < 0.5 ? 0 : Math.floor((next() * sealed) / 16) * 16;
    const pieces = piecesOf(from, before, bucketWidth, sealedUntil(sealed, formerUntil));
    expectToCover(pieces, { from, before, bucketWidth });
    for (const { width, before } of pieces.filter(({ width }) => width > 1)) {
      expect(before <= formerUntil ? [16, ...WIDTHS] : WIDTHS).toContain(width);
      expect(before).toBeLessThanOrEqual(sealed);
    }
    const buckets = Math.ceil((before - from) / bucketWidth) + 1;
    const rows = pieces.filter(({ before }) => before <= sealed).map((p) => (p.before - p.from) / p.width);
    const most = bucketWidth < 32 ? before - from : 4 * buckets + 14 * WIDTHS.length + 128;
    expect(rows.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(most);
  }
});

test("pieces cover what is sealed in spans, however wide its rollups are, and the steps between one by one", () => {
  const next = random(4);
  for (let round = 0; round < 2000; round++) {
    const exponent = Math.floor(next() * 34);
    const [narrowest, widest] = [widthsOf(exponent)[0]!, widthsOf(exponent).at(-1)!];
    const spans: { from: number; until: number }[] = [];
    for (let block = 0; block < 5; block++) {
      const until = block * widest + Math.floor((next() * widest) / narrowest) * narrowest;
      if (next() < 0.7 && until > block * widest) spans.push({ from: block * widest, until });
    }
    const from = Math.floor(next() * 5 * widest);
    const before = from + 1 + Math.floor(next() * 5 * widest);
    const bucketWidth = 2 ** Math.floor(next() * (20 + exponent));
    const pieces = piecesOf(from, before, bucketWidth, { spans, exponent, formerUntil: 0 });
    expectToCover(pieces, { from, before, bucketWidth });
    for (const { width, from, before } of pieces.filter(({ width }) => width > 1)) {
      expect(widthsOf(exponent)).toContain(width);
      const covered = spans.reduce((sum, span) => {
        return sum + Math.max(0, Math.min(before, span.until) - Math.max(from, span.from));
      }, 0);
      expect(covered).toBe(before - from);
    }
    expect(pieces.length).toBeLessThan(200);
  }
});
