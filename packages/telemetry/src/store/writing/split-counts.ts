// Counts as they lie in the table `routing`, and other whole numbers that are much the same step after step: each is a base, which is the
// same row after row and so takes next to nothing on disk, and a byte above it, which holds little more than the noise of routing.
//
// Any base that a number is at most a byte above is a right one. So what is known here may be forgotten at any time.

/** What the numbers of one histogram lie above: an expert's is its number in the one base that is there. */
export interface Base {
  /** Of many rows, as bytes; the same object in all of them. Empty where the row has a base of its own. */
  shared: Uint8Array;
  own: BaseNumbers;
}

type BaseNumbers = Uint16Array | Uint32Array;

/** How the bases of a kind of numbers follow what they are learnt from. */
interface Pace {
  Numbers: typeof Uint16Array | typeof Uint32Array;
  /** Means are learnt from each of the first steps, then from every so manieth. */
  learntEvery: number;
  /** Means are of about so many of the steps learnt from. */
  stepsOfMean: number;
  /** Steps learnt from until bases follow their means: until they change, they take nothing on disk. */
  keptFor: number;
}

/** Bases of counts are kept for 512 steps. */
export const COUNTS: Pace = { Numbers: Uint32Array, learntEvery: 8, stepsOfMean: 64, keptFor: 64 };
/** A number each for a layer rather than a category, with less noise: bases that keep up with a drift take less room than it does. */
export const GATES: Pace = { Numbers: Uint16Array, learntEvery: 1, stepsOfMean: 16, keptFor: 64 };

const NO_SHARED_BASE = new Uint8Array(0);
const NO_OWN_BASE = new Uint32Array(0);

/** Of a histogram without numbers. */
export const NO_BASE: Base = { shared: NO_SHARED_BASE, own: NO_OWN_BASE };

/** Where the mean of an expert lies above its base. */
const MIDDLE = 128;
const MOST_ABOVE = 255;
const HIGHEST_BASE = 2 ** 31 - 1;

const FIRST_STEPS = 16;

/** Numbers known, 8 bytes for each at most: 90 senders of 58 layers × 256 experts × 3 categories. */
const MAX_NUMBERS = 4_000_000;

/** Of one layer and category. */
interface Known {
  steps: number;
  /** Those that the means were learnt from. */
  learnt: number;
  means: Float32Array;
  /** Of the rows since it was made: it is never changed. */
  numbers: BaseNumbers;
  /** The same memory. */
  base: Base;
}

/** Whatever a store splits. */
export class Splitters {
  readonly counts = new CountSplitter(COUNTS);
  readonly gates = new CountSplitter(GATES);
}

export class CountSplitter {
  readonly #pace: Pace;
  readonly #senders = new Map<string, Map<number, Known>>();
  #numbers = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /**
   * @param sender whose next step is likely to be similar: names the run, its part and the rank
   * @param histogram numbers the sender's histograms of one step
   * @param counts or other whole numbers, of no more bits than bases have
   * @param above takes in a byte for each count, from `at` on
   */
  split(sender: string, histogram: number, counts: ArrayLike<number>, above: Uint8Array, at: number): Base {
    const known = this.#of(sender, histogram, counts.length);
    known.steps++;
    if (known.steps <= FIRST_STEPS || known.steps % this.#pace.learntEvery === 0) learn(known, counts, this.#pace);
    if (putAbove(known.numbers, counts, above, at)) return known.base;
    return { shared: NO_SHARED_BASE, own: putAboveOwn(known.numbers, counts, above, at) };
  }

  #of(sender: string, histogram: number, experts: number): Known {
    const before = this.#senders.get(sender)?.get(histogram);
    if (before?.means.length === experts) return before;
    if (this.#numbers + experts > MAX_NUMBERS) {
      this.#senders.clear();
      this.#numbers = 0;
    }
    const means = new Float32Array(experts);
    const known = { steps: 0, learnt: 0, means, ...basesOf(means, this.#pace) };
    const histograms = this.#senders.get(sender) ?? new Map<number, Known>();
    this.#senders.set(sender, histograms.set(histogram, known));
    this.#numbers += experts - (before?.means.length ?? 0);
    return known;
  }
}

// Loops: these run for every count.
function learn(known: Known, counts: ArrayLike<number>, pace: Pace): void {
  const { means } = known;
  const weight = 1 / Math.min(++known.learnt, pace.stepsOfMean);
  for (let expert = 0; expert < means.length; expert++) means[expert]! += (counts[expert]! - means[expert]!) * weight;
  // Often while little is known, then seldom.
  const doubled = (known.learnt & (known.learnt - 1)) === 0;
  if (doubled || known.learnt % pace.keptFor === 0) Object.assign(known, basesOf(means, pace));
}

function basesOf(means: Float32Array, { Numbers }: Pace): Pick<Known, "numbers" | "base"> {
  const numbers = new Numbers(means.length);
  for (let expert = 0; expert < numbers.length; expert++) {
    numbers[expert] = Math.min(HIGHEST_BASE, Math.max(0, Math.round(means[expert]!) - MIDDLE));
  }
  return { numbers, base: { shared: new Uint8Array(numbers.buffer), own: NO_OWN_BASE } };
}

/** @returns whether every count is in reach; the bytes of those that are not are wrong */
function putAbove(base: BaseNumbers, counts: ArrayLike<number>, above: Uint8Array, at: number): boolean {
  let all = 0;
  let expert = 0;
  // In 32 bits, which is exact where it matters: bases have 31. Four at a time, which takes half as long.
  for (; expert < base.length - 3; expert += 4) {
    const first = (counts[expert]! - base[expert]!) | 0;
    const second = (counts[expert + 1]! - base[expert + 1]!) | 0;
    const third = (counts[expert + 2]! - base[expert + 2]!) | 0;
    const fourth = (counts[expert + 3]! - base[expert + 3]!) | 0;
    above[at + expert] = first;
    above[at + expert + 1] = second;
    above[at + expert + 2] = third;
    above[at + expert + 3] = fourth;
    all |= first | second | third | fourth;
  }
  for (; expert < base.length; expert++) {
    const rest = (counts[expert]! - base[expert]!) | 0;
    above[at + expert] = rest;
    all |= rest;
  }
  return all >>> 0 <= MOST_ABOVE;
}

/**
 * @param above where the bytes of those in reach are right
 * @returns the base with one of their own for experts that are out of reach in this step
 */
function putAboveOwn(base: BaseNumbers, counts: ArrayLike<number>, above: Uint8Array, at: number): BaseNumbers {
  const own = base.slice();
  for (let expert = 0; expert < own.length; expert++) {
    const count = counts[expert]!;
    if (((count - base[expert]!) | 0) >>> 0 <= MOST_ABOVE) continue;
    own[expert] = Math.max(0, count - MIDDLE);
    above[at + expert] = count - own[expert]!;
  }
  return own;
}
