// A range of steps as few pieces: rollups where they exist, single steps at the ends.

/** Widths of rollups, in steps. Factor 8: a bucket of any power of two from 16 on is at most four rows of a rollup wide. */
export const WIDTHS: readonly number[] = Array.from({ length: 6 }, (_, level) => 16 * 8 ** level);

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
 * @param sealed every rollup that ends at or before this step exists
 * @returns ascending and disjoint; rows of one width that follow each other are one piece
 */
export function piecesOf(from: number, before: number, bucketWidth: number, sealed: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = from; at < before; ) {
    const end = Math.min(before, sealed);
    const width = WIDTHS.findLast((width) => width <= bucketWidth && at % width === 0 && at + width <= end);
    const next =
      width === undefined ? Math.min(before, nextMultiple(at, WIDTHS[0]!)) : at + runOf(at, width, bucketWidth, end);
    add(pieces, { width: width ?? 1, from: at, before: at >= sealed ? before : next });
    at = pieces.at(-1)!.before;
  }
  return pieces;
}

/** How far rows of `width` go on before a wider one begins, or the end. */
function runOf(at: number, width: number, bucketWidth: number, end: number): number {
  const wider = WIDTHS[WIDTHS.indexOf(width) + 1];
  const fit = Math.floor((end - at) / width) * width;
  if (wider === undefined || wider > bucketWidth) return fit;
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
