// Numbers that look random and are the same for the same seed: fast-check draws the seed, so that a failure can be repeated.

export interface Random {
  /** A whole number from 0, below `end`. */
  below(end: number): number;
  /** So many different ones of the numbers below `end`. */
  different(count: number, end: number): number[];
}

/** Mulberry32. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const below = (end: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
  const different = (count: number, end: number) => {
    const chosen = new Set<number>();
    while (chosen.size < count) chosen.add(below(end));
    return [...chosen];
  };
  return { below, different };
}
