// Where everything in the figure `relative-load` stands, in units of the SVG. The drawing and the hit test share it.
import { captionLines } from "./caption.ts";
import { MARGIN, type SheetLayout, sheetHeight, TITLE_HEIGHT } from "./figure-sheet.tsx";
import type { RelativeLoadModel, RelativeLoadPanel } from "./relative-load-model.ts";

export interface PlacedPanel {
  panel: RelativeLoadPanel;
  /** Upper left corner of the cells. */
  x: number;
  y: number;
  /** In the first column: has the category names at its left. */
  named: boolean;
}

export interface RelativeLoadLayout extends SheetLayout {
  cellWidth: number;
  cellHeight: number;
  headings: { text: string; x: number; y: number }[];
  panels: PlacedPanel[];
  /** Axis of experts under the last panel of each block. */
  axes: { x: number; y: number; ticks: number[] }[];
  colourBar: { x: number; y: number; width: number; height: number };
}

/** Room for the cells of all columns, on paper. */
export const PAPER_WIDTH = 720;
/** A layer gets no column of its own if its cells would be narrower than this. */
const NARROWEST_CELL = 11;
const COLUMN_GAP = 28;
const LABEL_HEIGHT = 18;
const HEADING_HEIGHT = 24;
const AXIS_HEIGHT = 38;
const BAR_SPACE = 76;

/** @param plotWidth room for the cells of all columns; the default suits paper, a small screen has less */
export function relativeLoadLayout(model: RelativeLoadModel, plotWidth = PAPER_WIDTH): RelativeLoadLayout {
  const { experts, categories, layers } = model;
  const fitting = Math.floor((plotWidth + COLUMN_GAP) / (NARROWEST_CELL * experts + COLUMN_GAP));
  const columns = Math.max(1, Math.min(layers.length, fitting, 3));
  const room = (plotWidth - (columns - 1) * COLUMN_GAP) / columns;
  const cellWidth = Math.min(20, Math.max(2, Math.floor(room / Math.max(1, experts))));
  const cellHeight = 16;
  const left = MARGIN + Math.max(48, ...categories.map((name) => Math.min(18, name.length) * 6.2 + 10));
  const columnWidth = cellWidth * experts;
  const width = Math.ceil(left + columns * columnWidth + (columns - 1) * COLUMN_GAP + BAR_SPACE + MARGIN);
  const layout: RelativeLoadLayout = {
    width,
    height: 0,
    cellWidth,
    cellHeight,
    headings: [],
    panels: [],
    axes: [],
    colourBar: { x: left + columns * columnWidth + (columns - 1) * COLUMN_GAP + 24, y: 0, width: 12, height: 0 },
    captionLines: captionLines(model.caption, width - 2 * MARGIN),
    captionY: 0,
  };
  const top = MARGIN + TITLE_HEIGHT;
  const bottom = placeBlocks(layout, model, { top, left, columns, columnWidth });
  layout.colourBar.y = top + HEADING_HEIGHT + LABEL_HEIGHT;
  layout.colourBar.height = Math.min(240, bottom - AXIS_HEIGHT - layout.colourBar.y);
  layout.captionY = bottom + 18;
  layout.height = sheetHeight(layout.captionY, layout.captionLines.length);
  return layout;
}

/** Blocks of one layer each, row by row. @returns the lower end of the last row */
function placeBlocks(
  layout: RelativeLoadLayout,
  model: RelativeLoadModel,
  grid: { top: number; left: number; columns: number; columnWidth: number },
): number {
  const panelHeight = LABEL_HEIGHT + layout.cellHeight * model.categories.length + 6;
  let top = grid.top;
  for (let start = 0; start < model.layers.length; start += grid.columns) {
    const row = model.layers.slice(start, start + grid.columns);
    row.forEach(({ layer, panels }, column) => {
      const x = Math.round(grid.left + column * (grid.columnWidth + COLUMN_GAP));
      layout.headings.push({ text: `Layer ${layer}`, x, y: top + 14 });
      panels.forEach((panel, place) => {
        const y = top + HEADING_HEIGHT + place * panelHeight + LABEL_HEIGHT;
        layout.panels.push({ panel, x, y, named: column === 0 });
      });
      const axisY = top + HEADING_HEIGHT + panels.length * panelHeight;
      layout.axes.push({ x, y: axisY, ticks: expertTicks(model.experts, layout.cellWidth) });
    });
    top += HEADING_HEIGHT + Math.max(0, ...row.map(({ panels }) => panels.length)) * panelHeight + AXIS_HEIGHT;
  }
  return top;
}

/** Experts named on the axis: every 1, 2, 4, 8 … so that numbers keep a distance. */
function expertTicks(experts: number, cellWidth: number): number[] {
  let every = 1;
  while (every * cellWidth < 24) every *= 2;
  return Array.from({ length: Math.ceil(experts / every) }, (_, place) => place * every);
}

/** @returns the cell at a point of the SVG, if there is one */
export function cellAt(
  layout: RelativeLoadLayout,
  x: number,
  y: number,
): { panel: RelativeLoadPanel; row: number; expert: number } | undefined {
  for (const { panel, x: left, y: top } of layout.panels) {
    const expert = Math.floor((x - left) / layout.cellWidth);
    const row = Math.floor((y - top) / layout.cellHeight);
    const inside = row >= 0 && row < panel.rows.length && expert >= 0 && expert < (panel.rows[row]?.counts.length ?? 0);
    if (inside) return { panel, row, expert };
  }
  return undefined;
}
