// What a probe measures: one batch of held-out text, and one of random tokens repeated, for induction. The same for every seed.
import type { Batch, Corpus } from "../data/corpus.ts";
import { Random } from "../data/random.ts";
import { classifyTokens, type TokenClass } from "./token-classes.ts";

/** Key of the random stream; those of training and validation data have others. */
const STREAM = 5;

export interface ProbeText {
  batch: Batch;
  /** [B, S] row-major: class of each input token, an index into the token classes or, for other, their number. */
  classOf: Int32Array;
}

/**
 * The validation batch in which the rarest token class occurs most often (where batches are equal in that, the next rarest): attention to
 * a class can be measured only where it occurs.
 */
export function probeText({ validation, textOf }: Corpus, sequence: number, classes: readonly TokenClass[]): ProbeText {
  const texts = validation.map((batch) => ({ batch, classOf: classesOf(batch, sequence, classes, textOf) }));
  return texts.reduce((best, text) => (isRicher(text.classOf, best.classOf, classes.length) ? text : best));
}

function classesOf(
  { tokens, isPatch }: Batch,
  sequence: number,
  classes: readonly TokenClass[],
  textOf: Corpus["textOf"],
): Int32Array {
  const classOf = classifyTokens(inputsOf(tokens, sequence), classes, textOf);
  if (!isPatch) return classOf;
  const patches = inputsOf(isPatch, sequence);
  return classOf.map((found, at) => (patches[at] ? classes.length : found));
}

function isRicher(classOf: Int32Array, other: Int32Array, classes: number): boolean {
  const [counts, others] = [classOf, other].map((found) => {
    return Array.from({ length: classes }, (_, index) => found.filter((one) => one === index).length).sort(
      (a, b) => a - b,
    );
  });
  const difference = counts!.findIndex((count, index) => count !== others![index]);
  return difference >= 0 && counts![difference]! > others![difference]!;
}

/**
 * Rows in which a random string of S/2 tokens comes twice. Within a string no token comes twice as long as there are enough different
 * ones, so there is one earlier place to look at for each. Tokens are those that occur in the text: a model has learnt nothing about
 * others (Olsson et al. leave out the rarest for the same reason).
 *
 * @param sequence S, at least 2
 */
export function repeatedBatch(text: Batch, sequence: number): Batch {
  const width = sequence + 1;
  const period = repeatPeriod(sequence);
  const occurring = Int32Array.from(new Set(text.tokens.filter((_, at) => !text.isPatch?.[at]))).sort();
  const tokens = new Int32Array(text.tokens.length);
  for (let row = 0; row < tokens.length / width; row++) {
    const random = new Random(STREAM, row);
    const drawn: number[] = [];
    while (drawn.length < period) drawn.push(...random.shuffle(occurring.slice()));
    for (let at = 0; at < width; at++) tokens[row * width + at] = drawn[at % period]!;
  }
  return { tokens, categories: new Int32Array(tokens.length) };
}

/** Positions between a token and its repetition in `repeatedBatch`. */
export function repeatPeriod(sequence: number): number {
  return Math.floor(sequence / 2);
}

/** The first S of every S + 1 values: the last token of a row is only predicted. */
function inputsOf(values: Int32Array | Uint8Array, sequence: number): Int32Array {
  return Int32Array.from(values).filter((_, at) => at % (sequence + 1) < sequence);
}
