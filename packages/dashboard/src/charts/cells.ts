// Cells of a heat map: where they are, how keys move among them, and the marks of dead ones.

export interface Cell {
  row: number;
  column: number;
}

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** @returns the cell at a place given as shares of the map's width and height, 0..1; the nearest one for places outside */
export function cellAt(right: number, down: number, rows: number, columns: number): Cell {
  return { row: clamp(Math.floor(down * rows), rows), column: clamp(Math.floor(right * columns), columns) };
}

/** Crosses closer than this in one row would run together, pixels. */
const MARK_DISTANCE = 10;

/**
 * SVG path of a cross in every dead cell, never smaller than three pixels: a dead expert must not vanish in a small map. Along a stretch of narrow
 * cells a cross every few pixels.
 *
 * @param dead row-major indices
 * @param cell size of one cell, pixels
 */
export function deadPath(dead: readonly number[], columns: number, cell: Size): string {
  const half = Math.max(1.5, Math.min(3.5, cell.height / 2 - 2));
  const cross = `l${2 * half} ${2 * half}m0 ${-2 * half}l${-2 * half} ${2 * half}`;
  let [row, previous, marked] = [-1, -1, Number.NEGATIVE_INFINITY];
  let path = "";
  for (const index of [...dead].sort((a, b) => a - b)) {
    const x = ((index % columns) + 0.5) * cell.width;
    const inStretch = Math.floor(index / columns) === row && index === previous + 1;
    row = Math.floor(index / columns);
    previous = index;
    if (inStretch && x - marked < MARK_DISTANCE) continue;
    marked = x;
    path += `M${(x - half).toFixed(1)} ${((row + 0.5) * cell.height - half).toFixed(1)}${cross}`;
  }
  return path;
}

/** @returns the cell that an arrow key leads to, the first one where none was chosen; undefined for other keys */
export function moveCell(cell: Cell | undefined, key: string, rows: number, columns: number): Cell | undefined {
  const moves: Record<string, [number, number]> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  const move = moves[key];
  if (move === undefined || rows === 0 || columns === 0) return undefined;
  if (cell === undefined) return { row: 0, column: 0 };
  return { row: clamp(cell.row + move[0], rows), column: clamp(cell.column + move[1], columns) };
}

function clamp(index: number, length: number): number {
  return Math.min(length - 1, Math.max(0, index));
}
