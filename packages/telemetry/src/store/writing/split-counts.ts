// Counts as they lie in the table `routing`: each is a base, which is the same row after row and so takes next to nothing on disk, and
// a byte above it, which holds little more than the noise of routing.
//
// Any base that a count is at most a byte above is a right one. So what is known here may be forgotten at any time.

/** What the counts of one histogram lie above: an expert's is its number in the one base that is there. */
export interface Base {
  /** Of many rows, as bytes; the same object in all of them. Empty where the row has a base of its own. */
  shared: Uint8Array;
  own: Uint32Array;
}

const NO_SHARED_BASE = new Uint8Array(0);
const NO_OWN_BASE = new Uint32Array(0);

/** Where the mean of an expert lies above its base. */
const MIDDLE = 128;
const MOST_ABOVE = 255;
const HIGHEST_BASE = 2 ** 31 - 1;

/** Means are learnt from each of the first steps, then from every eighth, and are of about so many of them. */
const FIRST_STEPS = 16;
const STEPS_OF_MEAN = 64;

/** Numbers known, 8 bytes for each: 90 senders of 58 layers × 256 experts × 3 categories. */
const MAX_NUMBERS = 4_000_000;

/** Of one layer and category. */
interface Known {
  steps: number;
  /** Those that the means were learnt from. */
  learnt: number;
  means: Float32Array;
  /** Of the rows since it was made: it is never changed. */
  numbers: Uint32Array;
  /** The same memory. */
  base: Base;
}

export class CountSplitter {
  readonly #senders = new Map<string, Map<number, Known>>();
  #numbers = 0;

  /**
   * @param sender whose next step is likely to be similar: names the run, its part and the rank
   * @param histogram numbers the sender's histograms of one step
   * @param above takes in a byte for each count, from `at` on
   */
  split(sender: string, histogram: number, counts: ArrayLike<number>, above: Uint8Array, at: number): Base {
    const known = this.#of(sender, histogram, counts.length);
    known.steps++;
    if (known.steps <= FIRST_STEPS || known.steps % 8 === 0) learn(known, counts);
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
    const known = { steps: 0, learnt: 0, means: new Float32Array(experts), ...basesOf(new Float32Array(experts)) };
    const histograms = this.#senders.get(sender) ?? new Map<number, Known>();
    this.#senders.set(sender, histograms.set(histogram, known));
    this.#numbers += experts - (before?.means.length ?? 0);
    return known;
  }
}

// Loops: these run for every count.
function learn(known: Known, counts: ArrayLike<number>): void {
  const { means } = known;
  const weight = 1 / Math.min(++known.learnt, STEPS_OF_MEAN);
  for (let expert = 0; expert < means.length; expert++) means[expert]! += (counts[expert]! - means[expert]!) * weight;
  // Often while little is known, then seldom: until they change, bases take nothing on disk.
  const doubled = (known.learnt & (known.learnt - 1)) === 0;
  if (doubled || known.learnt % STEPS_OF_MEAN === 0) Object.assign(known, basesOf(means));
}

function basesOf(means: Float32Array): Pick<Known, "numbers" | "base"> {
  const numbers = new Uint32Array(means.length);
  for (let expert = 0; expert < numbers.length; expert++) {
    numbers[expert] = Math.min(HIGHEST_BASE, Math.max(0, Math.round(means[expert]!) - MIDDLE));
  }
  return { numbers, base: { shared: new Uint8Array(numbers.buffer), own: NO_OWN_BASE } };
}

/** @returns whether every count is in reach; the bytes of those that are not are wrong */
function putAbove(base: Uint32Array, counts: ArrayLike<number>, above: Uint8Array, at: number): boolean {
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
function putAboveOwn(base: Uint32Array, counts: ArrayLike<number>, above: Uint8Array, at: number): Uint32Array {
  const own = base.slice();
  for (let expert = 0; expert < own.length; expert++) {
    const count = counts[expert]!;
    if (((count - base[expert]!) | 0) >>> 0 <= MOST_ABOVE) continue;
    own[expert] = Math.max(0, count - MIDDLE);
    above[at + expert] = count - own[expert]!;
  }
  return own;
}
