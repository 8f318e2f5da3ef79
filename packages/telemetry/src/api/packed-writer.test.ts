import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { PackedWriter } from "./packed-writer.ts";

const BORDERS = [0, 1, 127, 128, 2 ** 14, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 1];

test.each([
  ["ordinary arrays", BORDERS],
  ["typed arrays", Float64Array.from(BORDERS) as unknown as number[]],
  ["long arrays", Array.from({ length: 5000 }, (_, index) => index ** 4)],
  ["empty arrays", []],
])("%s of 64-bit numbers are written as the library writes them", (_, counts) => {
  for (const tokens of BORDERS) {
    const bucket = new v1.StepBucket({
      ...{ run: "r", firstStep: tokens, tokens, time: 1.5 },
      layers: [
        { layer: 3, tokens, countsMin: counts, countsMax: counts, categories: [{ category: 1, counts, tokens }] },
      ],
    });
    const written = v1.StepBucket.encode(bucket, new PackedWriter()).finish();
    expect(Buffer.from(written).equals(v1.StepBucket.encode(bucket).finish())).toBe(true);
  }
});
