import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { decodePicture } from "./decode-image.ts";
import { upright } from "./orientation.ts";
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

/** Which side of the upright picture the first row and the first column of the stored one are, by orientation from 1 (EXIF 2.32, 4.6.4). */
const sides = [
  "top left",
  "top right",
  "bottom right",
  "bottom left",
  "left top",
  "right top",
  "right bottom",
  "left bottom",
];

/** By pixel of the stored picture, where it is seen. */
function seenAt(
  orientation: number,
  row: number,
  column: number,
  width: number,
  height: number,
): [x: number, y: number] {
  const [ofRows, ofColumns] = sides[orientation - 1]!.split(" ");
  const [seenWidth, seenHeight] = orientation < 5 ? [width, height] : [height, width];
  const place = { x: 0, y: 0 };
  for (const [side, distance] of [
    [ofRows, row],
    [ofColumns, column],
  ] as const) {
    if (side === "left") place.x = distance;
    if (side === "right") place.x = seenWidth - 1 - distance;
    if (side === "top") place.y = distance;
    if (side === "bottom") place.y = seenHeight - 1 - distance;
  }
  return [place.x, place.y];
}

function tiff(orientation: number, little: boolean): Buffer {
  const bytes = Buffer.alloc(8 + 2 + 12 * 2 + 4);
  const [u16, u32] = little
    ? (["writeUInt16LE", "writeUInt32LE"] as const)
    : (["writeUInt16BE", "writeUInt32BE"] as const);
  bytes.write(little ? "II" : "MM");
  bytes[u16](42, 2);
  bytes[u32](8, 4);
  bytes[u16](2, 8);
  bytes[u16](0x0100, 10); // a tag before it
  bytes[u16](0x0112, 22);
  bytes[u16](3, 24);
  bytes[u32](1, 26);
  bytes[u16](orientation, 30);
  return bytes;
}

function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length);
  chunk.write(type, 4);
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

test("pictures are turned upright, however the camera was held", () => {
  fc.assert(
    fc.property(
      ...[fc.integer({ min: 1, max: 8 }), fc.boolean(), fc.uint8Array({ minLength: 3072, maxLength: 3072 })],
      (orientation, little, rgb) => {
        const side = 32;
        const png = new PNG({ width: side, height: side });
        const seen = new Uint8Array(pictureBytes);
        for (let row = 0; row < side; row++) {
          for (let column = 0; column < side; column++) {
            const colour = rgb.subarray((row * side + column) * 3, (row * side + column) * 3 + 3);
            png.data.set([...colour, 255], (row * side + column) * 4);
            const [x, y] = seenAt(orientation, row, column, side, side);
            seen.set(colour, (y * side + x) * 3);
          }
        }
        const bytes = PNG.sync.write(png);
        const head = 8 + 25; // signature and IHDR
        const exif = pngChunk("eXIf", tiff(orientation, little));
        const picture = decodePicture(Buffer.concat([bytes.subarray(0, head), exif, bytes.subarray(head)]), "a.png");
        expect(Buffer.from(picture).equals(seen)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

test("pixels of a picture that is not square are turned as well", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      (orientation, width, height) => {
        const data = Uint8Array.from({ length: width * height * 4 }, (_, at) => at % 251);
        const turned = upright({ width, height, data }, orientation);
        expect([turned.width, turned.height]).toEqual(orientation < 5 ? [width, height] : [height, width]);
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            const [x, y] = seenAt(orientation, row, column, width, height);
            const [from, to] = [(row * width + column) * 4, (y * turned.width + x) * 4];
            expect(turned.data.subarray(to, to + 4)).toEqual(data.subarray(from, from + 4));
          }
        }
      },
    ),
  );
});

test("a JPEG is turned by its EXIF block, and left alone by a damaged one", () => {
  const plain = read("baseline.jpg");
  const withExif = (block: Buffer) => {
    const head = Buffer.from([0xff, 0xe1, 0, 0, ...Buffer.from("Exif\0\0")]);
    head.writeUInt16BE(head.length - 2 + block.length, 2);
    return Buffer.concat([plain.subarray(0, 2), head, block, plain.subarray(2)]);
  };
  const before = decodePicture(plain, "a.jpg");
  const upsideDown = decodePicture(withExif(tiff(3, true)), "a.jpg");
  const pixels = (picture: Uint8Array) =>
    Array.from({ length: 1024 }, (_, at) => picture.subarray(at * 3, at * 3 + 3).join());
  expect(pixels(upsideDown)).toEqual(pixels(before).reverse());
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 34 }), (noise, cut) => {
      for (const block of [Buffer.from(noise), tiff(9, false), tiff(6, true).subarray(0, Math.min(cut, 30))])
        expect(decodePicture(withExif(block), "a.jpg")).toEqual(before);
    }),
    { numRuns: 20, examples: [[new Uint8Array(), 0]] },
  );
});

test("what writers append to a PNG is no part of it", () => {
  const bytes = read("rgb.png");
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (more) => {
      expect(decodePicture(Buffer.concat([bytes, more]), "a.png")).toEqual(decodePicture(bytes, "a.png"));
    }),
    { numRuns: 20 },
  );
});

test("what cannot be decoded is named", () => {
  expect(() => decodePicture(Buffer.from("GIF89a"), "a.gif")).toThrow("a.gif is neither PNG nor JPEG");
  expect(() => decodePicture(Buffer.alloc(0), "empty.png")).toThrow("empty.png is neither PNG nor JPEG");
  expect(() => decodePicture(read("rgb.png").subarray(0, 200), "cut.png")).toThrow("cut.png cannot be decoded");
  const cut = jpeg.encode({ width: 64, height: 64, data: Buffer.alloc(64 * 64 * 4, 90) }).data.subarray(0, 300);
  expect(() => decodePicture(cut, "cut.jpg")).toThrow("cut.jpg cannot be decoded");
});
