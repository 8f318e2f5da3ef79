// A picture as the model takes it: a small square of RGB, cut into patches.

/** Pixels of a side of a picture, and of a patch. */
export const pictureSide = 32;
const patchSide = 8;

const patchesOfASide = pictureSide / patchSide;
export const patchesOfAPicture = patchesOfASide ** 2;

/** Values of a patch: 8 × 8 pixels × RGB. */
export const patchSize = patchSide ** 2 * 3;

/** Bytes of a picture: rows of pixels, RGB, 0 … 255. */
export const pictureBytes = pictureSide ** 2 * 3;

/** −1 … 1 for each byte. */
const values = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/**
 * Writes one patch as values −1 … 1.
 *
 * @param picture [32, 32, 3]
 * @param patch 0 … 15, row by row
 * @param into [192]
 */
export function writePatch(picture: Uint8Array, patch: number, into: Float32Array): void {
  const top = Math.floor(patch / patchesOfASide) * patchSide;
  const left = (patch % patchesOfASide) * patchSide;
  const rowValues = patchSide * 3;
  for (let row = 0; row < patchSide; row++) {
    const from = ((top + row) * pictureSide + left) * 3;
    for (let i = 0; i < rowValues; i++) into[row * rowValues + i] = values[picture[from + i]!]!;
  }
}
