// Batches of byte sequences: every sequence from one category, every batch a pure function of seed and step.
import { type CategoryText, DataError, type TextSplit } from "./category-text.ts";
import { builtInCategories, type DataSource, openDataSource } from "./data-source.ts";
import { Random } from "./random.ts";

export interface Batch {
  /** [B, S + 1] row-major: inputs are `[:, :-1]`, targets `[:, 1:]`. */
  tokens: Int32Array;
  /** [B, S + 1] row-major: index into `Corpus.categories` of every token. */
  categories: Int32Array;
  /** [B, S + 1, P] row-major: values of the image patch at each position, zeros elsewhere; absent in data without images. */
  patches?: Float32Array;
  /** [B, S + 1] row-major, 1 where a patch stands: nothing is predicted there. Present with `patches`. */
  isPatch?: Uint8Array;
}

export interface CategoryDescription {
  category: string;
  origin: string;
  /** Share of the sequences, 0 … 1. */
  share: number;
  /** 0 when the text is generated. */
  files: number;
  /** Bytes to train on, and bytes held out; 0 when the text is generated as it is needed. */
  bytes: number;
  heldOutBytes: number;
}

export interface Corpus {
  readonly categories: string[];
  /** Number of different tokens. */
  readonly vocabulary: number;
  /** Values of one image patch, P; 0 in data without images. */
  readonly patchSize: number;
  /** The same batches for every seed, from text that training never sees. */
  readonly validation: Batch[];
  describe(): CategoryDescription[];
  /** @param step index of the optimizer update, from 0 */
  batchAt(step: number): Batch;
}

export interface CorpusOptions {
  /** The built-in categories when absent. */
  sources?: DataSource[];
  seed: number;
  /** Sequences in a batch, B. */
  batch: number;
  /** Tokens of a sequence that are predicted, S. */
  sequence: number;
  validationBatches: number;
}

/** Keys of the random streams: no batch of one kind draws the numbers of another. */
const streams = { training: 1, validation: 2 };

/** @throws DataError when a source cannot be used */
export async function openCorpus(options: CorpusOptions): Promise<Corpus> {
  const sources = options.sources ?? builtInCategories.map((category) => ({ category }));
  const shares = sharesOf(sources);
  const texts = await Promise.all(sources.map((source) => openDataSource(source, options.sequence + 1)));
  const draw = (split: TextSplit, ...keys: number[]) => drawBatch(texts, shares, options, split, keys);
  return {
    categories: sources.map((source) => source.category),
    vocabulary: 256,
    patchSize: 0,
    validation: Array.from({ length: options.validationBatches }, (_, index) => draw("validation", index)),
    describe: () =>
      texts.map(({ origin, files, bytes, heldOutBytes }, index) => {
        return { category: sources[index]!.category, origin, share: shares[index]!, files, bytes, heldOutBytes };
      }),
    batchAt: (step) => draw("training", options.seed, step),
  };
}

function drawBatch(
  texts: readonly CategoryText[],
  shares: readonly number[],
  { batch, sequence }: CorpusOptions,
  split: TextSplit,
  keys: readonly number[],
): Batch {
  const random = new Random(streams[split], ...keys);
  const rowCategories = drawCategories(shares, batch, random);
  const categories = new Int32Array(batch * (sequence + 1));
  const tokens = new Int32Array(batch * (sequence + 1));
  for (let row = 0; row < batch; row++) {
    const rowTokens = tokens.subarray(row * (sequence + 1), (row + 1) * (sequence + 1));
    texts[rowCategories[row]!]!.fill(split, random, rowTokens);
    categories.fill(rowCategories[row]!, row * (sequence + 1), (row + 1) * (sequence + 1));
  }
  return { tokens, categories };
}

/**
 * Systematic sampling: one random offset, then steps of 1/B through the shares. Every batch holds each category B × share times,
 * rounded up or down, and over many batches exactly in proportion.
 */
function drawCategories(shares: readonly number[], batch: number, random: Random): Int32Array {
  const offset = random.uniform();
  const categories = new Int32Array(batch);
  let category = 0;
  let upTo = shares[0]!;
  for (let row = 0; row < batch; row++) {
    while ((row + offset) / batch >= upTo && category < shares.length - 1) upTo += shares[++category]!;
    categories[row] = category;
  }
  return random.shuffle(categories);
}

function sharesOf(sources: readonly DataSource[]): number[] {
  if (sources.length === 0)
    throw new DataError(`No data source; there are ${builtInCategories.join(", ")}, or name=glob`);
  const twice = sources.find(
    ({ category }, index) => sources.findIndex((other) => other.category === category) < index,
  );
  if (twice) throw new DataError(`Category "${twice.category}" is given twice; every category has one source`);
  const weights = sources.map(({ category, weight = 1 }) => {
    if (Number.isFinite(weight) && weight > 0) return weight;
    throw new DataError(`Category "${category}" has weight ${weight}; weights are above 0`);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
