// What a run trains on: batches of token sequences from one or more sources, every batch a pure function of seed and step.
import { type Batch, drawBatch, type RowOrder, rowOrders } from "./batch.ts";
import { DataError } from "./data-error.ts";
import { builtInCategories, builtInSources, type DataSource } from "./data-source.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { openDataSource } from "./open-data-source.ts";
import { Random } from "./random.ts";
import type { SourceData, Split } from "./source-data.ts";
import { endChoices } from "./tokenizer/end-of-document.ts";
import { bytesEndedBy, openTokenizer } from "./tokenizer.ts";

export { type Batch, type RowOrder, rowOrders } from "./batch.ts";

export interface CategoryDescription {
  /** Name of the source. */
  category: string;
  origin: string;
  /** Share of the sequences, 0 … 1. */
  share: number;
  /** 0 when the data is generated. */
  files: number;
  /** Tokens to train on, and tokens held out (patches count as tokens); 0 when the data is generated as it is needed. */
  tokens: number;
  heldOutTokens: number;
}

export interface Corpus {
  /** Of text the names of the sources; of images `image` and `text`, however many sources of images there are. */
  readonly categories: string[];
  /** Number of different tokens. */
  readonly vocabulary: number;
  /** Values of one image patch, P; 0 in data without images. */
  readonly patchSize: number;
  /** The same batches for every seed, from data that training never sees. */
  readonly validation: Batch[];
  describe(): CategoryDescription[];
  /** Tells it from a corpus of other data: see `fingerprintOf`. */
  readonly fingerprint: string;
  /** The text that a token stands for; U+FFFD where it is only a part of a character. */
  textOf(token: number): string;
  /** @param step index of the optimizer update, from 0 */
  batchAt(step: number): Batch;
}

export interface CorpusOptions {
  /** The built-in categories when absent. */
  sources?: DataSource[];
  /** Path of a Hugging Face `tokenizer.json`; bytes are the tokens when absent. */
  tokenizer?: string;
  /** The token after every document; `auto`, which asks the tokenizer's files, when absent; `none`: documents are joined without one. */
  end?: string;
  seed: number;
  /** Sequences in a batch, B. */
  batch: number;
  /** Tokens of a sequence that are predicted, S. */
  sequence: number;
  /** One of `rowOrders`; `shuffled` when absent. */
  order?: string;
  validationBatches: number;
  /** Hears a line when files are prepared, which may take minutes the first time. */
  notice?: (line: string) => void;
  /** Ends the preparation of files with the reason of the signal. */
  signal?: AbortSignal;
}

/** Keys of the random streams: no batch of one kind draws the numbers of another. */
const streams = { training: 1, validation: 2 };

/** @throws DataError when a source or the tokeniser cannot be used */
export async function openCorpus(options: CorpusOptions): Promise<Corpus> {
  const { sources = builtInCategories.map((category) => ({ category })), batch, sequence, seed } = options;
  const shares = sharesOf(sources);
  const order = rowOrderOf(options.order ?? "shuffled");
  const { end, notice = () => {}, signal } = options;
  const tokenizer =
    options.tokenizer === undefined
      ? bytesEndedBy(end ?? endChoices.automatic)
      : openTokenizer(options.tokenizer, { end, notice });
  const opening = { rowTokens: sequence + 1, tokenizer, notice, signal };
  const opened: SourceData[] = [];
  for (const source of sources) opened.push(await openDataSource(source, opening));
  const categories = categoriesOf(sources, opened);
  const patchSize = Math.max(...opened.map((data) => data.patchSize));
  const weighted = opened.map((data, index) => {
    return { data, share: shares[index]!, categories: data.categories.map((name) => categories.indexOf(name)) };
  });
  const draw = (split: Split, ...keys: number[]) => {
    return drawBatch(weighted, { batch, sequence, order, patchSize }, split, new Random(streams[split], ...keys));
  };
  return {
    categories,
    vocabulary: tokenizer.vocabulary,
    patchSize,
    validation: Array.from({ length: options.validationBatches }, (_, index) => draw("validation", index)),
    describe: () =>
      opened.map(({ origin, files, tokens, heldOutTokens }, index) => {
        return { category: sources[index]!.category, origin, share: shares[index]!, files, tokens, heldOutTokens };
      }),
    fingerprint: fingerprintOf(opened.map((data, index) => ({ category: sources[index]!.category, data }))),
    textOf: tokenizer.textOf,
    batchAt: (step) => draw("training", seed, step),
  };
}

function sharesOf(sources: readonly DataSource[]): number[] {
  if (sources.length === 0) throw new DataError(`No data source; there are ${builtInSources.join(", ")}, or name=glob`);
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

function rowOrderOf(order: string): RowOrder {
  const known = rowOrders.find((name) => name === order);
  if (known) return known;
  throw new DataError(`data.order is "${order}"; allowed are ${rowOrders.join(" and ")}`);
}

/** Captions and a source of text that is named `text` share a category; nothing but patches may be in `image`. */
function categoriesOf(sources: readonly DataSource[], opened: readonly SourceData[]): string[] {
  const hasImages = opened.some(({ patchSize }) => patchSize > 0);
  for (const [index, { patchSize }] of opened.entries()) {
    if (!hasImages || patchSize > 0 || sources[index]!.category !== "image") continue;
    throw new DataError('Text named "image" beside images: their patches have that category; choose another name');
  }
  return [...new Set(opened.flatMap(({ categories }) => categories))];
}
