// The contract of a category's data: something that can fill a sequence with tokens, for training or for validation.
import type { Random } from "./random.ts";

export type TextSplit = "training" | "validation";

export interface CategoryText {
  /** Where the text comes from, for people to read. */
  readonly origin: string;
  /** Files read; 0 when the text is generated. */
  readonly files: number;
  /** Bytes to train on, and bytes held out; 0 when the text is generated as it is needed. */
  readonly bytes: number;
  readonly heldOutBytes: number;

  /** Fills `tokens` with consecutive bytes of one split. What is drawn depends on the split and on `random` alone. */
  fill(split: TextSplit, random: Random, tokens: Int32Array): void;
}

/** Data that cannot be used: the message names what was given and what is allowed. */
export class DataError extends Error {
  override name = "DataError";
}
