// A category whose text is stored: tokens to train on and tokens held out, from which sequences are cut at random places.
import { DataError } from "./data-error.ts";
import { isHeldOut } from "./held-out.ts";
import type { SourceData, Split } from "./source-data.ts";
import { joinTokens, partOf, type StoredTokens } from "./stored-tokens.ts";

export interface TextSplits {
  training: StoredTokens;
  validation: StoredTokens;
  /** All of it in order, for when there are too few documents to split. */
  whole: StoredTokens;
}

export interface TextOrigin {
  category: string;
  /** In words, or as the user gave it. */
  origin: string;
  files: number;
  /** What a token is, in the plural: "bytes" or "tokens". */
  unit: string;
}

/**
 * Files are documents, and the hash of their name decides the side.
 *
 * @param end token after each file
 */
export function splitByName<File extends { name: string }>(
  files: readonly File[],
  tokensOf: (file: File) => StoredTokens,
  end: number | undefined,
): TextSplits {
  const join = (some: readonly File[]) => joinTokens(some.map(tokensOf), end);
  return {
    training: join(files.filter(({ name }) => !isHeldOut(name))),
    validation: join(files.filter(({ name }) => isHeldOut(name))),
    whole: join(files),
  };
}

/**
 * Where a side of the split has less than one sequence (a few documents only), the last twentieth of the whole is held out instead.
 *
 * @param sequence tokens that the caller will ask for at once
 * @throws DataError when there is too little text to cut a sequence from either side
 */
export function createStoredText(from: TextOrigin, splits: TextSplits, sequence: number): SourceData {
  const { training, validation, whole } = splits;
  if (training.length >= sequence && validation.length >= sequence) return storedText(from, splits);
  if (whole.length < 2 * sequence) {
    throw new DataError(
      `${from.origin}: ${whole.length} ${from.unit} of text are too few; training and validation each need a sequence of ${sequence} ${from.unit}`,
    );
  }
  const heldOut = Math.max(sequence, Math.floor(whole.length / 20));
  const cut = whole.length - heldOut;
  return storedText(
    { ...from, origin: `${from.origin}, the last ${heldOut} ${from.unit} held out` },
    { training: partOf(whole, 0, cut), validation: partOf(whole, cut, whole.length) },
  );
}

/** Validation on text of its own. @throws DataError when either has less than a sequence */
export function createValidatedText(
  from: TextOrigin,
  training: StoredTokens,
  validation: StoredTokens,
  sequence: number,
): SourceData {
  for (const [what, { length }] of Object.entries({ training, validation })) {
    if (length >= sequence) continue;
    throw new DataError(
      `${from.origin}: ${length} ${from.unit} of text for ${what} are too few; a sequence of ${sequence} ${from.unit} is needed`,
    );
  }
  return storedText(from, { training, validation });
}

function storedText({ category, origin, files }: TextOrigin, splits: Record<Split, StoredTokens>): SourceData {
  return {
    origin,
    categories: [category],
    files,
    tokens: splits.training.length,
    heldOutTokens: splits.validation.length,
    patchSize: 0,
    fill(split, random, { tokens }) {
      const text = splits[split];
      text.read(random.below(text.length - tokens.length + 1), tokens);
    },
  };
}
