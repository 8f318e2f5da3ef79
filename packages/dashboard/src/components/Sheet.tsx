// A figure on white paper, in either theme: it is shown as it will be printed, and says what the pointer is on.
import { type MouseEvent, type ReactElement, useCallback, useMemo, useState } from "react";
import { useWidth } from "../charts/use-width.ts";
import { figureToSvg } from "../export/figure-file.ts";
import { BarPanelsFigure } from "../figures/bar-panels.tsx";
import { barAt, barPanelsLayout, type PlacedBar } from "../figures/bar-panels-layout.ts";
import type { BarPanelsModel } from "../figures/bar-panels-model.ts";
import type { SheetReading } from "./sheet-reading.ts";
import "../charts/readout.css";
import "./sheet.css";

export interface Drawing {
  figure: ReactElement;
  /** Of the figure, in units of the SVG. */
  width: number;
  /** @returns what stands at a place, in units of the SVG; undefined where there is nothing */
  readAt(x: number, y: number): SheetReading | undefined;
  /** What a click does. */
  pickAt?(x: number, y: number): void;
}

interface SheetProps {
  id: string;
  /** @param room pixels that the figure can be wide; a new function is a new drawing */
  draw: (room: number) => Drawing;
}

/** On a narrow screen figures become smaller down to this, then they scroll in their sheet: letters must stay readable. */
const LEAST_SCALE = 0.75;
/** Widths between which a figure follows the screen. */
const [NARROWEST, WIDEST] = [330, 1040];

export function Sheet({ id, draw }: SheetProps) {
  const [reading, setReading] = useState<{ left: number; top: number } & SheetReading>();
  const [ref, room] = useWidth<HTMLDivElement>();
  const drawing = useMemo(() => (room > 0 ? draw(room) : undefined), [draw, room]);
  const placeOf = (event: MouseEvent<HTMLDivElement>) => {
    const box = event.currentTarget.querySelector("svg")!.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    const scale = drawing!.width / box.width;
    return { left, top, x: left * scale, y: top * scale };
  };
  const onPointerMove = (event: MouseEvent<HTMLDivElement>) => {
    if (drawing === undefined) return;
    const { left, top, x, y } = placeOf(event);
    const found = drawing.readAt(x, y);
    setReading(found && { left: Math.min(left + 12, Math.max(0, room - 200)), top: top + 12, ...found });
  };
  const onClick = (event: MouseEvent<HTMLDivElement>) => {
    const { x, y } = placeOf(event);
    drawing?.pickAt?.(x, y);
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: what a click does can be done with the card's table as well
    // biome-ignore lint/a11y/noStaticElementInteractions: as above
    <div
      ref={ref}
      className="sheet"
      id={id}
      onPointerMove={onPointerMove}
      onPointerLeave={() => setReading(undefined)}
      onClick={onClick}
    >
      {drawing && (
        <div
          className="sheet-page"
          style={{ minWidth: drawing.width * LEAST_SCALE, maxWidth: Math.max(WIDEST, drawing.width) }}
        >
          {drawing.figure}
          {reading && (
            <div className="readout sheet-readout" style={{ left: reading.left, top: reading.top }}>
              <strong>{reading.title}</strong>
              {reading.lines.map((line) => (
                <div key={line}>{line}</div>
              ))}
            </div>
          )}
        </div>
      )}
    </div>
  );
}

/** @returns the SVG of a sheet as a file */
export function sheetSvg(id: string): string {
  return figureToSvg(document.getElementById(id)!.querySelector("svg")!);
}

interface BarSheetProps {
  id: string;
  model: BarPanelsModel;
  /** What a bar says, and the segment of it that is pointed at. */
  read: (bar: PlacedBar, series: number | undefined) => SheetReading;
  pick?: (bar: PlacedBar) => void;
  /** Bars whose group is marked. */
  isFollowed?: (bar: PlacedBar) => boolean;
}

/** A figure of bars. */
export function BarSheet({ id, model, read, pick, isFollowed }: BarSheetProps) {
  const draw = useCallback(
    (room: number): Drawing => {
      const layout = barPanelsLayout(model, Math.min(WIDEST, Math.max(NARROWEST, room)));
      return {
        figure: <BarPanelsFigure model={model} layout={layout} isFollowed={isFollowed} />,
        width: layout.width,
        readAt: (x, y) => {
          const at = barAt(layout, x, y);
          return at && read(at.bar, at.series);
        },
        pickAt: (x, y) => {
          const at = barAt(layout, x, y);
          if (at) pick?.(at.bar);
        },
      };
    },
    [model, read, pick, isFollowed],
  );
  return <Sheet id={id} draw={draw} />;
}
