// The sheet of every figure: white paper, font, title, caption. The drawing on it is the caller's.
import type { ReactElement, ReactNode } from "react";

/** Colours on paper, and the font: a figure looks the same in either theme and in a file. */
export const PAPER = {
  page: "#ffffff",
  ink: "#1b1d20",
  muted: "#5b6168",
  grid: "#e6e7e9",
  /** Where there is no data. */
  missing: "#e6e7e9",
  border: "#b9bdc2",
  font: '"Helvetica Neue", Helvetica, "Liberation Sans", Arial, sans-serif',
} as const;

/** Distance of everything from the edges of the sheet, units of the SVG. */
export const MARGIN = 24;
/** Height that the title takes under the margin. */
export const TITLE_HEIGHT = 30;
const CAPTION_LINE = 16;

/** The part of a figure's layout that the sheet needs, units of the SVG. */
export interface SheetLayout {
  width: number;
  height: number;
  /** From `captionLines`. */
  captionLines: readonly string[];
  /** Where the caption begins. */
  captionY: number;
}

/** @returns height of a sheet whose caption begins at `captionY` and has so many lines */
export function sheetHeight(captionY: number, lines: number): number {
  return Math.ceil(captionY + lines * CAPTION_LINE + MARGIN - 10);
}

interface FigureSheetProps {
  title: string;
  caption: string;
  layout: SheetLayout;
  children: ReactNode;
}

export function FigureSheet({ title, caption, layout, children }: FigureSheetProps): ReactElement {
  const { width, height } = layout;
  return (
    <svg
      xmlns="http://www.w3.org/2000/svg"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      fontFamily={PAPER.font}
      fontSize={11}
      fill={PAPER.ink}
    >
      <title>{title}</title>
      <desc>{caption}</desc>
      <rect width={width} height={height} fill={PAPER.page} />
      <text x={MARGIN} y={38} fontSize={15} fontWeight={600}>
        {title}
      </text>
      {children}
      {layout.captionLines.map((line, place) => (
        <text key={line} x={MARGIN} y={layout.captionY + CAPTION_LINE * place + 8} fill={PAPER.muted}>
          {line}
        </text>
      ))}
    </svg>
  );
}
