// Rows of a batch made of images with captions: the patches of an image, its caption, the patches of the next image, and so on.
import { DataError } from "../data-error.ts";
import type { Row } from "../source-data.ts";
import { patchesOfAPicture, patchSize, writePatch } from "./picture.ts";

/** The categories of every source of images. */
export const imageCategories = ["image", "text"] as const;
const [image, text] = [0, 1];

export interface Pair {
  /** [32, 32, 3] RGB, 0 … 255. */
  picture: Uint8Array;
  /** Tokens, with the one that ends a text if there is one. */
  caption: ArrayLike<number>;
}

/** @param next draws a pair */
export function fillWithPairs({ tokens, categories, patches, isPatch }: Row, next: () => Pair): void {
  for (let at = 0; at < tokens.length; ) {
    const { picture, caption } = next();
    for (let patch = 0; patch < patchesOfAPicture && at < tokens.length; patch++, at++) {
      writePatch(picture, patch, patches.subarray(at * patchSize, (at + 1) * patchSize));
      isPatch[at] = 1;
      categories[at] = image;
    }
    for (let i = 0; i < caption.length && at < tokens.length; i++, at++) {
      tokens[at] = caption[i]!;
      categories[at] = text;
    }
  }
}

/** @throws DataError when a row is too short for an image and anything after it */
export function checkRoomForPairs(origin: string, rowTokens: number): void {
  if (rowTokens > patchesOfAPicture + 1) return;
  throw new DataError(
    `${origin}: data.sequence is ${rowTokens - 1}; images need ${patchesOfAPicture + 1} or more, ${patchesOfAPicture} for the patches of one`,
  );
}
