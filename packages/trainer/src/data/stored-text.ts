// A category whose text lies in files: two byte strings, one to train on and one held out, from which sequences are cut.
import { type CategoryText, DataError, type TextSplit } from "./category-text.ts";
import { isHeldOut } from "./held-out.ts";
import type { Random } from "./random.ts";

export interface TextFile {
  /** Decides the side of the split: files with the same name stay together. */
  name: string;
  bytes: Uint8Array;
}

/** Marks the end of every file; never part of one, because files with NUL bytes are refused. */
const endOfFile = 0;

/**
 * Splits by the hash of each file's name. Where that leaves a side with less than one sequence (a few files only), the last twentieth
 * of the bytes is held out instead.
 *
 * @param sequence tokens that the caller will ask for at once
 * @throws DataError when there is too little text to cut a sequence from either side
 */
export function createStoredText(origin: string, files: readonly TextFile[], sequence: number): CategoryText {
  const training = concatenate(files.filter((file) => !isHeldOut(file.name)));
  const validation = concatenate(files.filter((file) => isHeldOut(file.name)));
  if (training.length >= sequence && validation.length >= sequence) {
    return storedText(origin, files.length, training, validation);
  }
  const whole = concatenate(files);
  const heldOut = Math.max(sequence, Math.floor(whole.length / 20));
  if (whole.length < 2 * sequence) {
    throw new DataError(
      `${origin}: ${whole.length} bytes of text are too few; training and validation each need a sequence of ${sequence} bytes`,
    );
  }
  const cut = whole.length - heldOut;
  return storedText(
    `${origin}, the last ${heldOut} bytes held out`,
    files.length,
    whole.subarray(0, cut),
    whole.subarray(cut),
  );
}

function storedText(origin: string, files: number, training: Uint8Array, validation: Uint8Array): CategoryText {
  const splits: Record<TextSplit, Uint8Array> = { training, validation };
  return {
    origin,
    files,
    bytes: training.length,
    heldOutBytes: validation.length,
    fill(split: TextSplit, random: Random, tokens: Int32Array) {
      const text = splits[split];
      const start = random.below(text.length - tokens.length + 1);
      tokens.set(text.subarray(start, start + tokens.length));
    },
  };
}

function concatenate(files: readonly TextFile[]): Uint8Array {
  const text = new Uint8Array(files.reduce((total, file) => total + file.bytes.length + 1, 0)).fill(endOfFile);
  let at = 0;
  for (const file of files) {
    text.set(file.bytes, at);
    at += file.bytes.length + 1;
  }
  return text;
}
