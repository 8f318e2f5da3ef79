// A range of steps as few pieces: rollups where they exist, single steps elsewhere.

/**
 * Widths of rollups, in steps of a run that sends every step: a bucket of any power of two from 32 on is at most four rows of a rollup
 * wide. The narrowest take most of the room.
 */
export const WIDTHS: readonly number[] = [32, 128, 1024, 8192, 65_536, 524_288];

/** The narrowest width up to schema version 11. */
export const FORMER_NARROWEST = 16;
const FORMER_WIDTHS: readonly number[] = [FORMER_NARROWEST, ...WIDTHS.slice(1)];

/** Steps below 2^53 have buckets of the widest width up to this exponent. */
export const LARGEST_EXPONENT = 33;

/** Widths of an attempt whose steps are about 2^exponent apart, as where tokens or milliseconds are sent as steps. */
export function widthsOf(exponent: number): readonly number[] {
  return exponent === 0 ? WIDTHS : WIDTHS.map((width) => width * 2 ** exponent);
}

/** Steps in a block: no rollup reaches over the end of one. */
export function blockWidth(exponent: number): number {
  return WIDTHS.at(-1)! * 2 ** exponent;
}

/** Steps `from`..`until − 1`. */
export interface Span {
  from: number;
  until: number;
}

/** Which rollups of an attempt exist. */
export interface Sealed {
  /** Every rollup inside one of these exists, as far as there are steps in it. Ascending, apart from each other. */
  spans: readonly Span[];
  /** Says how wide rollups are. */
  exponent: number;
  /** Before it the narrowest are of the former width. */
  formerUntil: number;
  /** None was made twice, so that readers need not look for the newest. */
  once: boolean;
}

export const UNSEALED: Sealed = { spans: [], exponent: 0, formerUntil: 0, once: true };

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
  { spans, exponent, formerUntil }: Omit<Sealed, "once">,
): Piece[] {
  const pieces: Piece[] = [];
  const widths = widthsOf(exponent).filter((width) => width <= bucketWidth);
  const formerWidths = FORMER_WIDTHS.filter((width) => width <= bucketWidth);
  let at = from;
  for (const span of spans) {
    const [begin, end] = [Math.max(at, span.from), Math.min(before, span.until)];
    if (begin >= end) continue;
    if (at < begin) add(pieces, { width: 1, from: at, before: begin });
    const border = Math.min(end, Math.max(begin, formerUntil));
    cover(pieces, begin, border, formerWidths);
    cover(pieces, border, end, widths);
    at = end;
  }
  if (at < before) add(pieces, { width: 1, from: at, before });
  return pieces;
}

/** Covers sealed steps. */
function cover(pieces: Piece[], from: number, before: number, widths: readonly number[]): void {
  for (let at = from; at < before; at = pieces.at(-1)!.before) {
    const width = widths.findLast((width) => at % width === 0 && at + width <= before);
    if (width !== undefined) add(pieces, { width, from: at, before: at + runOf(at, width, widths, before) });
    else add(pieces, { width: 1, from: at, before: nextStart(at, widths, before) });
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
