// Images with captions in files of the user's, as a source of data.
import { basename } from "node:path";
import { DataError } from "../data-error.ts";
import type { DataSource } from "../data-source.ts";
import type { OpeningData, SourceData, Split } from "../source-data.ts";
import type { SourceFile } from "../source-files.ts";
import { captionsName } from "./captions.ts";
import { checkRoomForPairs, fillWithPairs, imageCategories, type Pair } from "./pairs.ts";
import { patchSize } from "./picture.ts";
import { type PreparedPairs, preparePairs } from "./prepared-pairs.ts";

/** Some pairs of a prepared set. */
interface Side {
  pairs: PreparedPairs;
  numbers: Uint32Array;
}

/**
 * Images are split by the hash of their name; of a few, the last twentieth is held out.
 *
 * @param heldOut files to validate on
 * @throws DataError when a file cannot be used, an image has no caption, or there are fewer than two images
 */
export async function openImages(
  source: DataSource,
  files: readonly SourceFile[],
  heldOut: readonly SourceFile[] | undefined,
  opening: OpeningData,
): Promise<SourceData> {
  const origin = `${source.category}=${source.glob}`;
  checkRoomForPairs(origin, opening.rowTokens);
  const pairs = await preparePairs(origin, imagesOf(origin, files), opening);
  if (!heldOut) return imageSource(origin, files.length, splitPairs(origin, pairs));
  const heldOutOrigin = `${source.category}=${source.heldOut}`;
  const validation = await preparePairs(heldOutOrigin, imagesOf(heldOutOrigin, heldOut), opening);
  const sides = { training: allOf(pairs), validation: allOf(validation) };
  return imageSource(`${origin}, validated on ${source.heldOut}`, files.length, sides);
}

function imageSource(origin: string, files: number, sides: Record<Split, Side>): SourceData {
  const positions = ({ pairs, numbers }: Side) => numbers.reduce((sum, number) => sum + pairs.positions(number), 0);
  return {
    origin,
    categories: imageCategories,
    files,
    tokens: positions(sides.training),
    heldOutTokens: positions(sides.validation),
    patchSize,
    fill(split, random, row) {
      const { pairs, numbers } = sides[split];
      fillWithPairs(row, (): Pair => pairs.read(numbers[random.below(numbers.length)]!));
    },
  };
}

function splitPairs(origin: string, pairs: PreparedPairs): Record<Split, Side> {
  const { numbers } = allOf(pairs);
  const training = numbers.filter((number) => !pairs.isHeldOut(number));
  const validation = numbers.filter((number) => pairs.isHeldOut(number));
  if (training.length > 0 && validation.length > 0) {
    return { training: { pairs, numbers: training }, validation: { pairs, numbers: validation } };
  }
  const images = pairs.image(pairs.length - 1) + 1;
  if (images < 2) throw new DataError(`${origin}: 1 image is too few; training and validation each need one`);
  const lastTrained = images - Math.ceil(images / 20);
  return {
    training: { pairs, numbers: numbers.filter((number) => pairs.image(number) < lastTrained) },
    validation: { pairs, numbers: numbers.filter((number) => pairs.image(number) >= lastTrained) },
  };
}

function allOf(pairs: PreparedPairs): Side {
  return { pairs, numbers: Uint32Array.from({ length: pairs.length }, (_, number) => number) };
}

/** Captions may be matched by the glob as well; they are found beside the images. */
function imagesOf(origin: string, files: readonly SourceFile[]): SourceFile[] {
  const images = files.filter(({ format }) => format === "image");
  if (images.length === 0) throw new DataError(`${origin} holds no image; PNG and JPEG are allowed`);
  const other = files.find(({ path, format }) => {
    return format !== "image" && !path.endsWith(".txt") && basename(path) !== captionsName;
  });
  if (!other) return images;
  throw new DataError(
    `${other.name} lies among images; PNG, JPEG and their captions (.txt, ${captionsName}) are allowed together, other data under a name of its own`,
  );
}
