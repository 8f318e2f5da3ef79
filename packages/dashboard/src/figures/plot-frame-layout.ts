// Where everything in a figure with two number axes stands, in units of the SVG.
import { roundTicks } from "../charts/ticks.ts";
import { captionLines, LETTER_WIDTH } from "./caption.ts";
import { MARGIN, type SheetLayout, sheetHeight } from "./figure-sheet.tsx";

export interface NumberAxis {
  title: string;
  domain: readonly [low: number, high: number];
}

export interface PlotFrameModel {
  title: string;
  caption: string;
  /** Names of what is told apart by its look, in that order. */
  names: readonly string[];
  x: NumberAxis;
  y: NumberAxis;
}

export interface PlotFrameLayout extends SheetLayout {
  plot: { x: number; y: number; width: number; height: number };
  legend: { name: string; x: number; y: number }[];
  ticks: { x: number[]; y: number[] };
}

const WIDTH = 600;
const TITLE_HEIGHT = 26;
const LEGEND_LINE = 18;
/** The sample of a look, and the distance to the next entry. */
const LEGEND_MARK = 30;
const LEGEND_GAP = 18;
const LEFT_AXIS = 52;
const BOTTOM_AXIS = 44;
const PLOT_HEIGHT = 300;

export function plotFrameLayout({ names, caption, x, y }: PlotFrameModel): PlotFrameLayout {
  const legend = placeLegend(names, MARGIN + TITLE_HEIGHT + LEGEND_LINE);
  const top = (legend.at(-1)?.y ?? MARGIN + TITLE_HEIGHT) + 14;
  const plot = { x: MARGIN + LEFT_AXIS, y: top, width: WIDTH - 2 * MARGIN - LEFT_AXIS, height: PLOT_HEIGHT };
  const lines = captionLines(caption, WIDTH - 2 * MARGIN);
  const captionY = top + PLOT_HEIGHT + BOTTOM_AXIS + 18;
  return {
    width: WIDTH,
    height: sheetHeight(captionY, lines.length),
    plot,
    legend,
    ticks: { x: roundTicks(x.domain, 6), y: roundTicks(y.domain, 6) },
    captionLines: lines,
    captionY,
  };
}

/** Side by side as far as they fit, then on the next line. */
function placeLegend(names: readonly string[], firstLine: number): PlotFrameLayout["legend"] {
  let [x, y] = [MARGIN, firstLine];
  return names.map((name) => {
    const width = LEGEND_MARK + name.length * (LETTER_WIDTH + 0.4) + LEGEND_GAP;
    if (x > MARGIN && x + width > WIDTH - MARGIN) [x, y] = [MARGIN, y + LEGEND_LINE];
    const placed = { name, x, y };
    x += width;
    return placed;
  });
}

/** A place in the plot, to a tenth of a unit. */
export function placeIn(
  { plot }: PlotFrameLayout,
  { x, y }: Pick<PlotFrameModel, "x" | "y">,
): { x: (value: number) => number; y: (value: number) => number } {
  return {
    x: (value) => tenths(plot.x + plot.width * share(value, x.domain)),
    y: (value) => tenths(plot.y + plot.height * (1 - share(value, y.domain))),
  };
}

function share(value: number, [low, high]: NumberAxis["domain"]): number {
  return high > low ? (value - low) / (high - low) : 0.5;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
