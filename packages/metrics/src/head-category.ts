// What kind of attention head a head is, from scores of where it looks.

/**
 * Scores of one head, 0 … 1. All are means over the queries of the second half of each sequence (the second copy, for induction).
 */
export interface HeadScores {
  /** Attention to the position just before. */
  previousToken: number;
  /** Attention to the first position: an attention sink (Xiao et al. 2023, arXiv 2309.17453). */
  firstToken: number;
  /**
   * On a random sequence that is repeated: attention to the token after the earlier occurrence of the query's own token. This is the
   * prefix-matching score of Olsson et al. 2022 (arXiv 2209.11895), there over several repetitions.
   */
  induction: number;
  /** Attention to the last `LOCAL_WINDOW` positions, the query's own included. */
  local: number;
  /** Entropy of the attention divided by that of an even spread over every position up to the query's own. */
  broad: number;
}

export const headCategories = ["previous-token", "first-token", "induction", "local", "broad"] as const;
export type HeadCategory = (typeof headCategories)[number];

/** Positions that count as near, the query's own included. */
export const LOCAL_WINDOW = 8;

/** A head whose attention follows one pattern to this share is named after it: the threshold of ARENA's course on TransformerLens. */
export const PATTERN_THRESHOLD = 0.4;

/** A head with no such pattern is local from this share of near attention. */
export const LOCAL_THRESHOLD = 0.5;

/**
 * Every head has one category: the strongest of the three patterns that reaches `PATTERN_THRESHOLD`; else local, from
 * `LOCAL_THRESHOLD`; else broad, which is any head that looks mostly further away (`broad` says how evenly).
 *
 * @returns undefined when a score that decides is not a number: a model that has diverged has heads of no kind
 */
export function headCategory({ previousToken, firstToken, induction, local }: HeadScores): HeadCategory | undefined {
  if ([previousToken, firstToken, induction, local].some(Number.isNaN)) return undefined;
  const patterns = [
    ["previous-token", previousToken],
    ["first-token", firstToken],
    ["induction", induction],
  ] as const;
  const [name, score] = patterns.reduce((best, pattern) => (pattern[1] > best[1] ? pattern : best));
  if (score >= PATTERN_THRESHOLD) return name;
  return local >= LOCAL_THRESHOLD ? "local" : "broad";
}
