// Takes the pointer over the cells of a heat map; where its columns are steps, it is linked to every other chart over steps.
import type { PointerEvent } from "react";
import { type Cell, cellAt, type Size } from "./cells.ts";
import { nearestIndex } from "./lines.ts";
import { usePointed } from "./pointer.ts";
import { type StepSpan, useXPointer } from "./use-x-pointer.ts";

/** Columns of a heat map that are stretches of steps. */
export interface CellColumns {
  /** Place of each column on the x axis, ascending. */
  x: ArrayLike<number>;
  stepsOf: (column: number) => StepSpan;
}

interface CellSurfaceProps {
  size: Size;
  rows: number;
  columns: number;
  time: CellColumns | undefined;
  onHover: (cell: Cell | undefined) => void;
  onSelect: ((cell: Cell) => void) | undefined;
}

export function CellSurface(props: CellSurfaceProps) {
  return props.time === undefined ? <PlainSurface {...props} /> : <LinkedSurface {...props} time={props.time} />;
}

function PlainSurface({ size, rows, columns, onHover, onSelect }: CellSurfaceProps) {
  return (
    <rect
      className="heat-map-cells"
      {...size}
      onPointerMove={(event) => onHover(cellUnder(event, rows, columns))}
      onPointerLeave={() => onHover(undefined)}
      onPointerUp={(event) => onSelect?.(cellUnder(event, rows, columns))}
    />
  );
}

function LinkedSurface({ size, rows, columns, time, onHover, onSelect }: CellSurfaceProps & { time: CellColumns }) {
  const { hovered, dragged } = usePointed();
  const handlers = useXPointer({
    xAt: (event) => time.x[cellUnder(event, rows, columns).column]!,
    stepsAt: (x) => (time.x.length === 0 ? undefined : time.stepsOf(nearestIndex(time.x, x))),
    onClick: (event) => onSelect?.(cellUnder(event, rows, columns)),
  });
  const left = (x: number) => (nearestIndex(time.x, x) * size.width) / columns;
  const outside = hovered === undefined || hovered < time.x[0]! || hovered > time.x[columns - 1]!;
  const centre = outside ? undefined : left(hovered) + size.width / columns / 2;
  const ends = dragged?.map(left).sort((a, b) => a - b);
  return (
    <g data-export="no">
      {centre !== undefined && <line className="heat-map-line" x1={centre} x2={centre} y2={size.height} />}
      {ends && <rect className="heat-map-drag" x={ends[0]} width={ends[1]! - ends[0]!} height={size.height} />}
      <rect
        className="heat-map-cells"
        {...size}
        {...handlers}
        onPointerMove={(event) => {
          handlers.onPointerMove(event);
          onHover(cellUnder(event, rows, columns));
        }}
        onPointerLeave={() => {
          handlers.onPointerLeave();
          onHover(undefined);
        }}
      />
    </g>
  );
}

function cellUnder(event: PointerEvent<SVGElement>, rows: number, columns: number): Cell {
  const box = event.currentTarget.getBoundingClientRect();
  return cellAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, rows, columns);
}
