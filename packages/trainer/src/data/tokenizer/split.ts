// What becomes of the delimiters when a text is split at them.
import type { Match } from "./pattern.ts";

export type Range = readonly [from: number, to: number];

type Split = (matches: readonly Match[]) => Range[];

export const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
export type Behavior = (typeof behaviors)[number];

export const splits: Record<Behavior, Split> = {
  Removed: (matches) => matches.filter(([, , isDelimiter]) => !isDelimiter).map(rangeOf),
  Isolated: (matches) => matches.map(rangeOf),
  /** Neighbours of one kind are one piece. */
  Contiguous: (matches) => merge(matches, (isDelimiter, before) => isDelimiter === before),
  /** Of several delimiters the first alone: the others stand by themselves. */
  MergedWithPrevious: (matches) => merge(matches, (isDelimiter, before) => isDelimiter && !before),
  /** Of several delimiters the last alone. */
  MergedWithNext: (matches) => {
    const reversed = matches.toReversed().map(([from, to, isDelimiter]) => [-to, -from, isDelimiter] as const);
    return splits
      .MergedWithPrevious(reversed)
      .map(([from, to]): Range => [-to, -from])
      .reverse();
  },
};

/** Joins each range to the one before it where `joins` says so. */
function merge(matches: readonly Match[], joins: (isDelimiter: boolean, before: boolean) => boolean): Range[] {
  const ranges: [number, number][] = [];
  let before = false;
  for (const [from, to, isDelimiter] of matches) {
    const last = ranges.at(-1);
    if (last && joins(isDelimiter, before)) last[1] = to;
    else ranges.push([from, to]);
    before = isDelimiter;
  }
  return ranges;
}

function rangeOf([from, to]: Match): Range {
  return [from, to];
}
