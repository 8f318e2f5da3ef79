// The contract of a data source: something that can fill a row of a batch, for training or for validation.
import type { Random } from "./random.ts";
import type { Tokenizer } from "./tokenizer.ts";

export type Split = "training" | "validation";

/** One row of a batch, all zeros before it is filled. P values are one image patch. */
export interface Row {
  /** [S + 1] */
  tokens: Int32Array;
  /** [S + 1] index into `SourceData.categories` of each token. */
  categories: Int32Array;
  /** [S + 1, P]; empty in a corpus without images. */
  patches: Float32Array;
  /** [S + 1] 1 where a patch stands; empty in a corpus without images. */
  isPatch: Uint8Array;
}

export interface SourceData {
  /** Where the data comes from, for people to read. */
  readonly origin: string;
  /** Categories of its tokens: its own name, or `image` and `text`. */
  readonly categories: readonly string[];
  /** Files read; 0 when the data is generated. */
  readonly files: number;
  /** Tokens to train on, and tokens held out (patches count as tokens); 0 when the data is generated as it is needed. */
  readonly tokens: number;
  readonly heldOutTokens: number;
  /** Values of an image patch, P; 0 without images. */
  readonly patchSize: number;

  /** Fills a row with consecutive tokens of one split. What is drawn depends on the split and on `random` alone. */
  fill(split: Split, random: Random, row: Row): void;
}

/** What sources are opened for. */
export interface OpeningData {
  /** Tokens of a row, S + 1. */
  rowTokens: number;
  tokenizer: Tokenizer;
  /** Hears a line when something takes long. */
  notice(line: string): void;
  /** Gives up what takes long. */
  signal?: AbortSignal;
}
