// A heat map that stays light however many cells it has: one picture for the cells, one path for each kind of mark.
import { type KeyboardEvent, type ReactNode, useId, useMemo, useState } from "react";
import type { Theme } from "../address/address.ts";
import { type Arrival, sentenceWithout } from "../data/arrival.ts";
import { loadColour } from "../theme/diverging.ts";
import { type CellColumns, CellSurface } from "./CellSurface.tsx";
import { cellImage } from "./cell-image.ts";
import { type Cell, deadPath, moveCell, type Size } from "./cells.ts";
import { useChartHeight } from "./full-screen.ts";
import { useWidth } from "./use-width.ts";
import "./heat-map.css";
import "./readout.css";

export interface HeatMapProps {
  /** Says what the map shows, for those who do not see it. */
  label: string;
  /** [rows × columns], row-major; NaN where there is no data. */
  values: Float64Array;
  /** Red, green, blue of a value that is not NaN, 0..255; default: relative load, diverging at 1. A new function is a new picture. */
  colour?: (value: number, theme: Theme) => readonly [red: number, green: number, blue: number];
  rows: number;
  columns: number;
  /** Row-major indices of the cells of dead experts. */
  dead: readonly number[];
  rowTitle: string;
  columnTitle: string;
  /** Texts beside rows and under columns, by index. */
  rowLabel: (row: number) => string;
  columnTicks: readonly { column: number; text: string }[];
  /** Height of a row in pixels, as far as there is room. */
  rowHeight: number;
  theme: Theme;
  /** Where columns are steps: hovering shows the place on every chart, and dragging zooms. */
  time?: CellColumns;
  /** Columns `from`..`before − 1` in which a run made no steps, shaded in its colour. */
  pauses?: readonly { from: number; before: number }[];
  pauseColour?: string;
  /** Marked with a frame. */
  selected?: Partial<Cell> | undefined;
  onSelect?: (cell: Cell) => void;
  /** What a cell says when pointed at, and to a screen reader. */
  readout: (cell: Cell) => { text: string; box: ReactNode } | undefined;
  /** Whether the data is here; until then the place of the map is kept, and nothing is said about it. */
  status: Arrival;
}

const LEFT = 34;
const BOTTOM = 36;

export function HeatMap(props: HeatMapProps) {
  const height = useChartHeight(Math.max(1, props.rows * props.rowHeight));
  if (props.status !== "loading") return <CellMap {...props} height={height} />;
  return <div style={{ height: height + BOTTOM }} />;
}

function CellMap(props: HeatMapProps & { height: number }) {
  const { label, values, rows, columns, theme, onSelect, readout, status, colour = loadColour, height, time } = props;
  const [ref, width] = useWidth<HTMLDivElement>();
  const [hover, setHover] = useState<Cell>();
  const [spoken, setSpoken] = useState("");
  const empty = rows === 0 || columns === 0;
  const image = useMemo(
    () => cellImage(values, columns, (value) => colour(value, theme)),
    [values, columns, theme, colour],
  );
  const size = { width: Math.max(0, width - LEFT - 2), height };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moveCell(hover, event.key, rows, columns);
    if (next !== undefined) {
      setHover(next);
      setSpoken(readout(next)?.text ?? "No data.");
    } else if (event.key === "Enter" && hover !== undefined) onSelect?.(hover);
    else if (event.key === "Escape") setHover(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div
      ref={ref}
      className="heat-map"
      role="group"
      aria-label={`${label} Arrow keys move from cell to cell.`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the map itself takes the arrow keys; thousands of focusable cells would not help
      tabIndex={0}
      onKeyDown={onKeyDown}
      onBlur={() => setHover(undefined)}
    >
      {empty && <p className="heat-map-empty">{sentenceWithout(status, "No counts here yet.")}</p>}
      {width > 0 && !empty && (
        <svg width={width} height={size.height + BOTTOM} role="img" aria-label={label}>
          <g transform={`translate(${LEFT} 1)`}>
            <Background size={size} />
            {image !== "" && <image href={image} width={size.width} height={size.height} preserveAspectRatio="none" />}
            <Pauses {...props} size={size} />
            <Marks {...props} size={size} hover={hover} />
            <CellSurface size={size} rows={rows} columns={columns} time={time} onHover={setHover} onSelect={onSelect} />
          </g>
          <Axes {...props} size={size} />
        </svg>
      )}
      {hover !== undefined && (
        <CellReadout cell={hover} rows={rows} columns={columns} size={size} box={readout(hover)?.box} />
      )}
      <span className="visually-hidden" aria-live="polite">
        {spoken}
      </span>
    </div>
  );
}

/** Hatching shows through where there is no data. */
function Background({ size }: { size: Size }) {
  const id = useId();
  return (
    <>
      <pattern id={id} width={6} height={6} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width={6} height={6} fill="var(--sunken)" />
        <line y2={6} stroke="var(--line-strong)" strokeWidth={1.5} />
      </pattern>
      <rect {...size} fill={`url(#${id})`} />
    </>
  );
}

/** Room for "paused" written upright, pixels. */
const PAUSED_HEIGHT = 56;
const PAUSED_WIDTH = 12;

function Pauses({ pauses = [], pauseColour, columns, size }: HeatMapProps & { size: Size }) {
  const left = (column: number) => (column * size.width) / columns;
  return pauses.map(({ from, before }) => {
    const width = left(before) - left(from);
    const centre = left(from) + width / 2;
    return (
      <g key={from} className="heat-map-pause">
        <rect className="heat-map-gap" x={left(from)} width={width} height={size.height} />
        <rect x={left(from)} width={width} height={size.height} fill={pauseColour} />
        {width >= PAUSED_WIDTH && size.height >= PAUSED_HEIGHT && (
          <text transform={`translate(${centre + 4} ${size.height / 2}) rotate(-90)`} textAnchor="middle">
            paused
          </text>
        )}
      </g>
    );
  });
}

function Marks({ dead, rows, columns, selected, size, hover }: HeatMapProps & { size: Size; hover: Cell | undefined }) {
  const cell = { width: size.width / columns, height: size.height / rows };
  return (
    <g className="heat-map-marks">
      <path className="heat-map-dead" d={deadPath(dead, columns, cell)} />
      <rect className="heat-map-frame" {...size} />
      {selected !== undefined && <Selected place={selected} size={size} cell={cell} />}
      {hover !== undefined && (
        <rect
          className="heat-map-hover"
          x={hover.column * cell.width}
          y={hover.row * cell.height}
          width={Math.max(2, cell.width)}
          height={Math.max(2, cell.height)}
        />
      )}
    </g>
  );
}

/** A frame around a cell or a row; a line through a column, and a frame where it meets the row. */
function Selected({ place, size, cell }: { place: Partial<Cell>; size: Size; cell: Size }) {
  const { row, column } = place;
  const centre = ((column ?? 0) + 0.5) * cell.width;
  const thin = column !== undefined && cell.width < 6;
  const top = row === undefined ? 0 : row * cell.height;
  const height = row === undefined ? size.height : cell.height;
  return (
    <g className="heat-map-selected">
      {thin && <line x1={centre} x2={centre} y2={size.height} />}
      {(!thin || row !== undefined) && (
        <rect
          x={column === undefined || thin ? 0 : column * cell.width}
          y={top}
          width={column === undefined || thin ? size.width : cell.width}
          height={height}
        />
      )}
    </g>
  );
}

function Axes({ rows, columns, rowLabel, columnTicks, rowTitle, columnTitle, size }: HeatMapProps & { size: Size }) {
  const rowHeight = size.height / rows;
  const every = Math.max(1, Math.ceil(14 / rowHeight));
  const shownRows = Array.from({ length: Math.ceil(rows / every) }, (_, place) => place * every);
  return (
    <g className="heat-map-axes">
      {shownRows.map((row) => (
        <text key={row} x={LEFT - 6} y={(row + 0.5) * rowHeight + 5} textAnchor="end">
          {rowLabel(row)}
        </text>
      ))}
      {columnTicks.map(({ column, text }) => (
        <text key={column} x={LEFT + ((column + 0.5) * size.width) / columns} y={size.height + 15} textAnchor="middle">
          {text}
        </text>
      ))}
      <text x={LEFT + size.width / 2} y={size.height + 31} textAnchor="middle">
        {columnTitle}
      </text>
      <text x={0} y={size.height + 31}>
        {rowTitle} ↑
      </text>
    </g>
  );
}

interface CellReadoutProps {
  cell: Cell;
  rows: number;
  columns: number;
  size: Size;
  box: ReactNode;
}

function CellReadout({ cell, rows, columns, size, box }: CellReadoutProps) {
  if (box === undefined) return null;
  const x = LEFT + ((cell.column + 0.5) / columns) * size.width;
  const y = ((cell.row + 1) / rows) * size.height + 8;
  const left = Math.min(Math.max(0, x - 104), Math.max(0, LEFT + size.width - 208));
  return (
    <div className="readout heat-map-readout" style={{ left, top: y }}>
      {box}
    </div>
  );
}
