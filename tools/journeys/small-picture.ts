// A screenshot made small, and how far two such pictures are apart: lines and colours count, the shapes of letters do not.
/// <reference lib="dom" />
import type { Page } from "playwright-core";

/** Pixels of a screenshot that become one. */
const BLOCK = 12;
/** Channels may differ by this much, of 255. */
const TOLERANCE = 14;

export interface SmallPicture {
  width: number;
  height: number;
  /** Red, green, blue, alpha of each pixel, row by row. */
  pixels: number[];
  png: Buffer;
}

/** @param page any page: its browser does the work */
export function shrink(page: Page, png: Buffer): Promise<SmallPicture> {
  return readPicture(page, png, BLOCK);
}

/** @param block pixels that become one; 1 leaves the picture as it is */
export async function readPicture(page: Page, png: Buffer, block = 1): Promise<SmallPicture> {
  const read = await page.evaluate(
    async ([text, size]) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes]));
      const [width, height] = [Math.floor(bitmap.width / size), Math.floor(bitmap.height / size)];
      const small = await createImageBitmap(bitmap, {
        resizeWidth: width,
        resizeHeight: height,
        resizeQuality: "high",
      });
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d")!;
      context.drawImage(small, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/png" });
      const letters = Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte));
      return {
        width,
        height,
        pixels: [...context.getImageData(0, 0, width, height).data],
        png: btoa(letters.join("")),
      };
    },
    [png.toString("base64"), block] as const,
  );
  return { ...read, png: Buffer.from(read.png, "base64") };
}

/**
 * Share of the pixels of either picture that have nothing like them at their place, or next to it, in the other: what has moved by a
 * letter's width is not counted, what is missing, new or of another colour is.
 *
 * @returns 0..1; 1 for pictures of different sizes
 */
export function distance(one: SmallPicture, other: SmallPicture): number {
  if (one.width !== other.width || one.height !== other.height) return 1;
  return (strangers(one, other) + strangers(other, one)) / (2 * one.width * one.height);
}

function strangers(of: SmallPicture, to: SmallPicture): number {
  let count = 0;
  for (let y = 0; y < of.height; y++) for (let x = 0; x < of.width; x++) if (!isKnown(of, to, x, y)) count++;
  return count;
}

function isKnown(of: SmallPicture, to: SmallPicture, x: number, y: number): boolean {
  for (let row = Math.max(0, y - 1); row <= Math.min(of.height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(of.width - 1, x + 1); column++) {
      if (areAlike(of.pixels, 4 * (y * of.width + x), to.pixels, 4 * (row * of.width + column))) return true;
    }
  }
  return false;
}

function areAlike(one: readonly number[], at: number, other: readonly number[], where: number): boolean {
  return [0, 1, 2].every((channel) => Math.abs(one[at + channel]! - other[where + channel]!) <= TOLERANCE);
}
