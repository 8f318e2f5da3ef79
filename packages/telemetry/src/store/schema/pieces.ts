// A range of steps as few pieces: rollups where they exist, single steps at the ends.

/**
 * Widths of rollups, in steps: a bucket of any power of two from 32 on is at most four rows of a rollup wide. The narrowest take most of
 * the room.
 */
export const WIDTHS: readonly number[] = [32, 128, 1024, 8192, 65_536, 524_288];

/** The narrowest width up to schema version 11. */
export const FORMER_NARROWEST = 16;
const FORMER_WIDTHS: readonly number[] = [FORMER_NARROWEST, ...WIDTHS.slice(1)];

/** Up to which step rollups of an attempt exist. */
export interface Sealed {
  /** Every rollup that ends at or before it exists. */
  until: number;
  /** Before it the narrowest are of the former width. */
  formerUntil: number;
  /** None was made twice, so that readers need not look for the newest. */
  once: boolean;
}

export const UNSEALED: Sealed = { until: 0, formerUntil: 0, once: true };

/** Steps `from`..`before − 1`, as rows of rollups `width` steps wide; a width of 1 is the steps themselves. */
export interface Piece {
  width: number;
  from: number;
  before: number;
}

/**
 * Covers `from`..`before − 1` with the widest rollups that fit into buckets of `bucketWidth`.
 *
 * @param bucketWidth a power of two; no piece's row reaches over the end of a bucket
 * @returns ascending and disjoint; rows of one width that follow each other are one piece
 */
export function piecesOf(
  from: number,
  before: number,
  bucketWidth: number,
  { until, formerUntil }: Omit<Sealed, "once">,
): Piece[] {
  const pieces: Piece[] = [];
  const border = Math.min(before, Math.max(from, formerUntil));
  cover(pieces, { from, before: border, until, widths: widthsIn(FORMER_WIDTHS, bucketWidth) });
  cover(pieces, { from: border, before, until, widths: widthsIn(WIDTHS, bucketWidth) });
  return pieces;
}

function widthsIn(widths: readonly number[], bucketWidth: number): number[] {
  return widths.filter((width) => width <= bucketWidth);
}

interface Range {
  from: number;
  before: number;
  /** Rollups of these widths exist up to there. */
  until: number;
  widths: readonly number[];
}

function cover(pieces: Piece[], { from, before, until, widths }: Range): void {
  const end = Math.min(before, until);
  for (let at = from; at < before; at = pieces.at(-1)!.before) {
    const width = widths.findLast((width) => at % width === 0 && at + width <= end);
    if (width !== undefined) add(pieces, { width, from: at, before: at + runOf(at, width, widths, end) });
    else add(pieces, { width: 1, from: at, before: at >= end ? before : nextStart(at, widths, before) });
  }
}

/** Where the next rollup may begin. */
function nextStart(at: number, [narrowest]: readonly number[], before: number): number {
  return narrowest === undefined ? before : Math.min(before, nextMultiple(at, narrowest));
}

/** How far rows of `width` go on before a wider one begins, or the end. */
function runOf(at: number, width: number, widths: readonly number[], end: number): number {
  const wider = widths[widths.indexOf(width) + 1];
  const fit = Math.floor((end - at) / width) * width;
  if (wider === undefined) return fit;
  return Math.min(fit, nextMultiple(at, wider) - at);
}

function nextMultiple(at: number, width: number): number {
  return (Math.floor(at / width) + 1) * width;
}

function add(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last?.width === piece.width && last.before === piece.from) last.before = piece.before;
  else pieces.push(piece);
}
