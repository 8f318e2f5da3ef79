// A chart's frame in Recharts: axes, grid, the step cursor, the shared hover line and the readout beside it.
import type { ReactNode, RefObject } from "react";
import { createPortal } from "react-dom";
import { CartesianGrid, ComposedChart, usePlotArea, useXAxisInverseScale, useXAxisScale, XAxis, YAxis } from "recharts";
import type { Axis } from "../address/address.ts";
import { setHovered, useHovered } from "./hover.ts";
import { AXIS_TITLES, axisTicks, formatPosition, roundTicks } from "./ticks.ts";
import { useWidth } from "./use-width.ts";
import "./plot.css";
import "./readout.css";

/** What stands at a place on the x axis. */
export interface Readout {
  title: string;
  rows: { label: string; value: string; colour?: string }[];
}

export interface PlotProps {
  /** Says what the chart shows, for those who do not see it. */
  label: string;
  height: number;
  axis: Axis;
  xDomain: readonly [number, number];
  yDomain: readonly [number, number];
  formatY: (value: number, ticks: readonly number[]) => string;
  /** Rows for Recharts' own lines and areas, with `x`. */
  rows?: readonly object[];
  /** Place of the step cursor; undefined where it is outside or follows the newest step. */
  cursorX: number | undefined;
  read: (x: number) => Readout | undefined;
  /** A click chooses the place as the step cursor. */
  onChoose?: (x: number) => void;
  /** Room at the right for labels of lines. */
  right?: number;
  children: ReactNode;
}

export function Plot(props: PlotProps) {
  const { label, height, axis, xDomain, yDomain, formatY, rows, right = 12, children } = props;
  const [ref, width] = useWidth<HTMLDivElement>();
  const yTicks = roundTicks(yDomain, height < 180 ? 3 : 4);
  return (
    <div ref={ref} className="plot" style={{ height }} role="img" aria-label={label}>
      {width > 0 && (
        <ComposedChart
          width={width}
          height={height}
          data={rows as object[] | undefined}
          margin={{ top: 8, right, bottom: 4, left: 0 }}
          accessibilityLayer={false}
        >
          <CartesianGrid vertical={false} horizontalValues={yTicks} stroke="var(--grid)" />
          <XAxis
            type="number"
            dataKey="x"
            domain={[...xDomain]}
            allowDataOverflow
            ticks={axisTicks(xDomain, axis, Math.max(2, Math.floor(width / 110)))}
            tickFormatter={(value: number) => formatPosition(value, axis)}
            tick={{ fontSize: 11, fill: "var(--ink-3)" }}
            tickLine={false}
            axisLine={{ stroke: "var(--line-strong)" }}
            tickMargin={6}
            height={40}
            interval={0}
            label={{
              value: AXIS_TITLES[axis],
              position: "insideBottom",
              offset: 0,
              fontSize: 11,
              fill: "var(--ink-3)",
            }}
          />
          <YAxis
            type="number"
            domain={[...yDomain]}
            allowDataOverflow
            ticks={yTicks}
            tickFormatter={(value: number) => formatY(value, yTicks)}
            tick={{ fontSize: 11, fill: "var(--ink-3)" }}
            tickLine={false}
            axisLine={false}
            tickMargin={4}
            width={48}
            interval={0}
          />
          {children}
          <Pointer {...props} frame={ref} />
        </ComposedChart>
      )}
    </div>
  );
}

/** Takes the pointer, and draws the step cursor and the hover line. */
function Pointer({ cursorX, read, onChoose, xDomain, frame }: PlotProps & { frame: RefObject<HTMLElement | null> }) {
  const area = usePlotArea();
  const scale = useXAxisScale();
  const inverse = useXAxisInverseScale();
  const hovered = useHovered();
  if (area === undefined || scale === undefined || inverse === undefined) return null;
  const toValue = (event: React.PointerEvent<SVGRectElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Number(inverse(area.x + (event.clientX - box.left) * (area.width / box.width)));
  };
  const within = (x: number | undefined): x is number => x !== undefined && x >= xDomain[0] && x <= xDomain[1];
  return (
    <g>
      {within(cursorX) && <Line x={scale(cursorX)!} area={area} className="plot-cursor" />}
      {within(hovered) && <Line x={scale(hovered)!} area={area} className="plot-hover" />}
      <rect
        x={area.x}
        y={area.y}
        width={area.width}
        height={area.height}
        fill="transparent"
        onPointerMove={(event) => setHovered(toValue(event))}
        onPointerLeave={() => setHovered(undefined)}
        onPointerUp={onChoose && ((event) => onChoose(toValue(event)))}
      />
      {within(hovered) && <ReadoutBox frame={frame.current} readout={read(hovered)} x={scale(hovered)!} area={area} />}
    </g>
  );
}

interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

function Line({ x, area, className }: { x: number; area: Area; className: string }) {
  return <line className={className} x1={x} x2={x} y1={area.y} y2={area.y + area.height} />;
}

const READOUT_WIDTH = 196;

interface ReadoutBoxProps {
  frame: HTMLElement | null;
  readout: Readout | undefined;
  x: number;
  area: Area;
}

/** HTML over the chart, at the side of the pointer with more room. */
function ReadoutBox({ frame, readout, x, area }: ReadoutBoxProps) {
  if (frame === null || readout === undefined || readout.rows.length === 0) return null;
  const left = x > area.x + area.width / 2 ? Math.max(0, x - READOUT_WIDTH - 10) : x + 10;
  return createPortal(
    <div className="readout plot-readout" style={{ left, top: area.y, width: READOUT_WIDTH }}>
      <strong>{readout.title}</strong>
      {readout.rows.map(({ label, value, colour }) => (
        <div key={label}>
          {colour && <i style={{ background: colour }} />}
          <span>{label}</span>
          <b>{value}</b>
        </div>
      ))}
    </div>,
    frame,
  );
}
