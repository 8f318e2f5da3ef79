// A batch, drawn from the sources by a random stream that its seed and step alone decide.
import type { Random } from "./random.ts";
import type { SourceData, Split } from "./source-data.ts";

export interface Batch {
  /** [B, S + 1] row-major: inputs are `[:, :-1]`, targets `[:, 1:]`; 0 where an image patch stands. */
  tokens: Int32Array;
  /** [B, S + 1] row-major: index into `Corpus.categories` of every token. */
  categories: Int32Array;
  /** [B, S + 1, P] row-major: values of the image patch at each position, zeros elsewhere; absent in data without images. */
  patches?: Float32Array;
  /** [B, S + 1] row-major, 1 where a patch stands: nothing is predicted there. Present with `patches`. */
  isPatch?: Uint8Array;
}

export const rowOrders = ["shuffled", "by-category"] as const;
export type RowOrder = (typeof rowOrders)[number];

/** Sources with their shares of the rows, and the corpus's index of each of their categories. */
export interface WeightedSource {
  data: SourceData;
  share: number;
  categories: readonly number[];
}

export interface BatchShape {
  /** Rows, B. */
  batch: number;
  /** Tokens of a row that are predicted, S. */
  sequence: number;
  /** Rows in random order, or source after source; the rows are the same. */
  order: RowOrder;
  /** Values of an image patch, P; 0 without images. */
  patchSize: number;
}

export function drawBatch(sources: readonly WeightedSource[], shape: BatchShape, split: Split, random: Random): Batch {
  const { batch, sequence, order, patchSize } = shape;
  const width = sequence + 1;
  const tokens = new Int32Array(batch * width);
  const categories = new Int32Array(batch * width);
  const patches = new Float32Array(batch * width * patchSize);
  const isPatch = new Uint8Array(patchSize > 0 ? batch * width : 0);
  const sourceOfRow = drawSources(sources, batch, random);
  const placeOfRow = order === "by-category" ? ranks(sourceOfRow) : sourceOfRow.keys();
  let drawn = 0;
  for (const place of placeOfRow) {
    const source = sources[sourceOfRow[drawn++]!]!;
    const [from, to] = [place * width, (place + 1) * width];
    const row = {
      tokens: tokens.subarray(from, to),
      categories: categories.subarray(from, to),
      patches: patches.subarray(from * patchSize, to * patchSize),
      isPatch: isPatch.subarray(from, to),
    };
    source.data.fill(split, random, row);
    for (let i = 0; i < width; i++) row.categories[i] = source.categories[row.categories[i]!]!;
  }
  return patchSize > 0 ? { tokens, categories, patches, isPatch } : { tokens, categories };
}

/**
 * Systematic sampling: one random offset, then steps of 1/B through the shares. Every batch holds each source B × share times,
 * rounded up or down, and over many batches exactly in proportion.
 */
function drawSources(sources: readonly WeightedSource[], batch: number, random: Random): Int32Array {
  const offset = random.uniform();
  const drawn = new Int32Array(batch);
  let source = 0;
  let upTo = sources[0]!.share;
  for (let row = 0; row < batch; row++) {
    while ((row + offset) / batch >= upTo && source < sources.length - 1) upTo += sources[++source]!.share;
    drawn[row] = source;
  }
  return random.shuffle(drawn);
}

/** @returns where each value stands once they are sorted; equal values keep their order */
function ranks(values: Int32Array): Int32Array {
  const sorted = Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const places = new Int32Array(values.length);
  for (const [place, index] of sorted.entries()) places[index] = place;
  return places;
}
