// Seeded random numbers for data: a stream is a pure function of its keys, so any batch can be drawn without the ones before it.

/**
 * Chris Doty-Humphrey's sfc32 (PractRand, "Small Fast Counting"): 128 bits of state, period at least 2^32. Its state comes from the
 * keys through the finaliser of MurmurHash3, so that neighbouring keys (step 7, step 8) give unrelated streams.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param keys whole numbers 0 … 2^53 − 1 that name the stream, for example seed, step and index in the batch */
  constructor(...keys: number[]) {
    [this.#a, this.#b, this.#c] = [0x9e3779b9, 0x243f6a88, 0xb7e15162].map((start) => mixKeys(start, keys)) as [
      number,
      number,
      number,
    ];
    // As many outputs as PractRand throws away after seeding.
    for (let discarded = 0; discarded < 12; discarded++) this.uint32();
  }

  /** @returns a whole number 0 … 2^32 − 1 */
  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** @returns a number in [0, 1) with 32 random bits */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** @returns a whole number 0 … limit − 1, each equally likely; `limit` is 1 … 2^53 */
  below(limit: number): number {
    if (limit > 2 ** 32) return this.#belowLarge(limit);
    const unbiased = 2 ** 32 - (2 ** 32 % limit);
    let drawn = this.uint32();
    while (drawn >= unbiased) drawn = this.uint32();
    return drawn % limit;
  }

  /** The same from 53 bits: two draws instead of one, so that small limits keep the streams they always had. */
  #belowLarge(limit: number): number {
    const unbiased = 2 ** 53 - (2 ** 53 % limit);
    for (;;) {
      const drawn = (this.uint32() >>> 11) * 2 ** 32 + this.uint32();
      if (drawn < unbiased) return drawn % limit;
    }
  }

  /** @returns a whole number low … high, both included */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** Puts the items into a random order, in place (Fisher-Yates). */
  shuffle<Items extends { [index: number]: number; readonly length: number }>(items: Items): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [items[last], items[other]] = [items[other]!, items[last]!];
    }
    return items;
  }
}

/** @returns a whole number 0 … 2^32 − 1 that depends on every character: 32-bit FNV-1a over UTF-16 units, then the finaliser */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return finalise(hash);
}

function mixKeys(start: number, keys: readonly number[]): number {
  let hash = start;
  for (const key of keys) {
    hash = finalise(Math.imul(hash, 5) ^ (key >>> 0));
    hash = finalise(Math.imul(hash, 5) ^ Math.floor(key / 2 ** 32));
  }
  return hash;
}

/** fmix32 of MurmurHash3 (Austin Appleby, public domain). */
function finalise(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
