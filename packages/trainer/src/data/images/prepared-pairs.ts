// Images decoded and captions made into tokens once; read by position afterwards.
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { unreadable } from "../data-error.ts";
import { isHeldOut } from "../held-out.ts";
import { prepare } from "../prepared-folder.ts";
import { openTokens } from "../prepared-text.ts";
import type { OpeningData } from "../source-data.ts";
import type { SourceFile } from "../source-files.ts";
import { readExactly, type StoredTokens } from "../stored-tokens.ts";
import { keyOf, sizeOf } from "../text-files.ts";
import { TokenWriter } from "../token-writer.ts";
import { type Tokenizer, widthOf } from "../tokenizer.ts";
import { type CaptionedImage, captionImages } from "./captions.ts";
import { decodePicture } from "./decode-image.ts";
import type { Pair } from "./pairs.ts";
import { patchesOfAPicture, pictureBytes } from "./picture.ts";

/** Columns of the index: image, first token and number of tokens of the caption, 1 when held out. */
const columns = 4;

export class PreparedPairs {
  readonly length: number;
  readonly #index: Float64Array;
  readonly #pictures: string;
  readonly #captions: StoredTokens;

  constructor(folder: string, tokenizer: Tokenizer) {
    const bytes = readFileSync(join(folder, "index"));
    this.#index = new Float64Array(new Uint8Array(bytes).buffer);
    this.length = this.#index.length / columns;
    this.#pictures = join(folder, "pictures");
    this.#captions = openTokens(join(folder, "captions"), widthOf(tokenizer));
  }

  read(pair: number): Pair {
    const [image, start, length] = this.#index.subarray(pair * columns);
    const picture = new Uint8Array(pictureBytes);
    readExactly(this.#pictures, image! * pictureBytes, picture);
    const caption = new Int32Array(length!);
    this.#captions.read(start!, caption);
    return { picture, caption };
  }

  /** Number of the image of a pair; pairs are in the order of their images. */
  image(pair: number): number {
    return this.#index[pair * columns]!;
  }

  isHeldOut(pair: number): boolean {
    return this.#index[pair * columns + 3] === 1;
  }

  /** Patches and tokens of the caption. */
  positions(pair: number): number {
    return patchesOfAPicture + this.#index[pair * columns + 2]!;
  }
}

/** @throws DataError when an image has no caption or cannot be decoded */
export async function preparePairs(
  what: string,
  images: readonly SourceFile[],
  { tokenizer, notice, signal }: OpeningData,
): Promise<PreparedPairs> {
  const captioned = await captionImages(images);
  const folder = await prepare({
    key: ["pairs", tokenizer.key, keyOf(images), captioned.map(({ captions }) => captions)],
    what,
    size: sizeOf(images),
    write: (work) => writePairs(work, captioned, tokenizer, signal),
    notice,
  });
  return new PreparedPairs(folder, tokenizer);
}

async function writePairs(
  folder: string,
  images: readonly CaptionedImage[],
  tokenizer: Tokenizer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const captionTokens = new TokenWriter(join(folder, "captions"), widthOf(tokenizer));
  const pictures = openSync(join(folder, "pictures"), "wx");
  const index: number[] = [];
  try {
    for (const [image, { file, captions }] of images.entries()) {
      signal?.throwIfAborted();
      writeSync(pictures, decodePicture(await readFile(file.path).catch(unreadable(file.name)), file.name));
      for (const caption of captions) {
        const start = captionTokens.length;
        captionTokens.write(tokenizer.encode(caption));
        if (tokenizer.end !== undefined) captionTokens.push(tokenizer.end);
        index.push(image, start, captionTokens.length - start, Number(isHeldOut(file.name)));
      }
    }
  } finally {
    captionTokens.close();
    closeSync(pictures);
  }
  writeFileSync(join(folder, "index"), new Uint8Array(Float64Array.from(index).buffer));
}
