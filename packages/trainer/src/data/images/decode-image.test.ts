import { readFileSync } from "node:fs";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { decodePicture } from "./decode-image.ts";
import { patchesOfAPicture, patchSize, pictureBytes, writePatch } from "./picture.ts";

const golden = new URL("../../../golden/data/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, golden));
/** What Pillow makes of the same files: the centred square over white, averaged down. */
const pictures = JSON.parse(read("pictures.json").toString()) as Record<string, string>;

test.each([
  ["rgb.png", 0, 0],
  ["palette.png", 0, 0],
  ["grey.png", 0, 0],
  // Pillow rounds once more on the way.
  ["transparent.png", 1, 0.5],
  ["baseline.jpg", 1, 0.5],
  ["progressive.jpg", 1, 0.5],
  // Where colour is stored at half the size, Pillow smooths it while enlarging, jpeg-js does not: edges differ.
  ["subsampled.jpg", 64, 5],
])("%s becomes the picture that Pillow makes of it", (name, largest, mean) => {
  const expected = Buffer.from(pictures[name]!, "hex");
  const picture = decodePicture(read(name), name);
  expect(picture).toHaveLength(pictureBytes);
  const differences = [...picture].map((value, i) => Math.abs(value - expected[i]!));
  expect(Math.max(...differences)).toBeLessThanOrEqual(largest);
  expect(differences.reduce((sum, value) => sum + value, 0) / pictureBytes).toBeLessThanOrEqual(mean);
});

test("images of any size keep their mean colour", () => {
  for (const [width, height] of [
    [1, 1],
    [7, 50],
    [33, 31],
    [321, 200],
  ] as const) {
    const png = new PNG({ width, height });
    for (let i = 0; i < width * height; i++) png.data.set([200, 100, 50, 255], i * 4);
    const picture = decodePicture(PNG.sync.write(png), "a.png");
    expect(new Set(Array.from({ length: 1024 }, (_, i) => picture.subarray(i * 3, i * 3 + 3).join()))).toEqual(
      new Set(["200,100,50"]),
    );
  }
});

test("the patches of a picture are its squares of 8 by 8 pixels, row by row, as values from -1 to 1", () => {
  const picture = Uint8Array.from({ length: pictureBytes }, (_, i) => (i * 7) % 256);
  const into = new Float32Array(patchSize);
  for (let patch = 0; patch < patchesOfAPicture; patch++) {
    writePatch(picture, patch, into);
    for (const [row, column, colour] of [
      [0, 0, 0],
      [3, 5, 2],
      [7, 7, 1],
    ] as const) {
      const [y, x] = [Math.floor(patch / 4) * 8 + row, (patch % 4) * 8 + column];
      expect(into[(row * 8 + column) * 3 + colour]).toBeCloseTo(picture[(y * 32 + x) * 3 + colour]! / 127.5 - 1, 6);
    }
  }
  writePatch(
    Uint8Array.from({ length: pictureBytes }, (_, i) => (i % 2) * 255),
    0,
    into,
  );
  expect([Math.min(...into), Math.max(...into)]).toEqual([-1, 1]);
});

test("what cannot be decoded is named", () => {
  expect(() => decodePicture(Buffer.from("GIF89a"), "a.gif")).toThrow("a.gif is neither PNG nor JPEG");
  expect(() => decodePicture(Buffer.alloc(0), "empty.png")).toThrow("empty.png is neither PNG nor JPEG");
  expect(() => decodePicture(read("rgb.png").subarray(0, 200), "cut.png")).toThrow("cut.png cannot be decoded");
  const cut = jpeg.encode({ width: 64, height: 64, data: Buffer.alloc(64 * 64 * 4, 90) }).data.subarray(0, 300);
  expect(() => decodePicture(cut, "cut.jpg")).toThrow("cut.jpg cannot be decoded");
});
