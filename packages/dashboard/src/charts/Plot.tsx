// A chart's frame in Recharts: axes, grid, the step cursor, and what pointing and dragging show on every chart.
import { createContext, type PointerEvent, type ReactNode, type RefObject, use, useMemo, useState } from "react";
import { createPortal } from "react-dom";
import {
  CartesianGrid,
  ComposedChart,
  usePlotArea,
  useXAxisInverseScale,
  useXAxisScale,
  useYAxisScale,
  XAxis,
  YAxis,
} from "recharts";
import type { Axis } from "../address/address.ts";
import { navigate } from "../address/use-address.ts";
import { useChartHeight } from "./full-screen.ts";
import { usePointed } from "./pointer.ts";
import { AXIS_TITLES, axisTicks, formatPosition } from "./ticks.ts";
import { useWidth } from "./use-width.ts";
import { type StepSpan, useXPointer } from "./use-x-pointer.ts";
import type { YScale } from "./y-scale.ts";
import "./plot.css";
import "./readout.css";

/** What stands at a place on the x axis. */
export interface Readout {
  title: string;
  rows: { label: string; value: string; colour?: string }[];
}

/** Where the pointer is on a chart. */
export interface PointedPlace {
  /** In units of the x axis. */
  x: number;
  /** Pixels. */
  y: number;
  /** Pixel at which a value stands. */
  yOf: (value: number) => number;
}

export interface PlotProps {
  /** Says what the chart shows, for those who do not see it. */
  label: string;
  /** Pixels; a card that fills the screen makes it higher. */
  height: number;
  axis: Axis;
  xDomain: readonly [number, number];
  yScale: YScale;
  /** A tick of the y axis in words, given all of them. */
  formatY: (value: number, ticks: readonly number[]) => string;
  /** Place of the step cursor; undefined where it follows the newest step. */
  cursorX: number | undefined;
  /** What the box at the pointer says; undefined: no box. `place` is given where the pointer is on this chart itself. */
  read: (x: number, place?: PointedPlace) => Readout | undefined;
  /** Steps of the data nearest to a place: a click takes the step cursor there, a drag zooms. */
  stepsAt: (x: number) => StepSpan | undefined;
  /** What else a click does. */
  onPick?: (place: PointedPlace) => void;
  /** Room at the right for labels of lines. */
  right?: number;
  /** Drawings that use `usePlot`. */
  children: ReactNode;
}

const TICK = { fontSize: 11, fill: "var(--ink-3)" } as const;
const ScaleContext = createContext<YScale | undefined>(undefined);

export function Plot(props: PlotProps) {
  const { label, right = 12, children, yScale } = props;
  const [ref, width] = useWidth<HTMLDivElement>();
  const height = useChartHeight(props.height, width);
  const axes = useAxes(props, width);
  return (
    <div ref={ref} className="plot" style={{ height }} role="img" aria-label={label}>
      {width > 0 && (
        <ComposedChart
          width={width}
          height={height}
          margin={{ top: 8, right, bottom: 4, left: 0 }}
          accessibilityLayer={false}
        >
          {axes}
          <ScaleContext value={yScale}>
            {children}
            <Pointer {...props} frame={ref} />
          </ScaleContext>
        </ComposedChart>
      )}
    </div>
  );
}

/** The place of a plot that is still to come. @param height as of the plot */
export function PlotPlace({ height }: { height: number }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  return <div ref={ref} style={{ height: useChartHeight(height, width) }} />;
}

/** Recharts works out everything anew for an axis with another property, so each stays the same element until it has to change. */
function useAxes({ axis, xDomain, yScale, formatY }: PlotProps, width: number): ReactNode {
  const [from, to] = xDomain;
  const x = useMemo(
    () => (
      <XAxis
        type="number"
        dataKey="x"
        domain={[from, to]}
        allowDataOverflow
        ticks={axisTicks([from, to], axis, Math.max(2, Math.floor(width / 110)))}
        tickFormatter={(value: number) => formatPosition(value, axis)}
        tick={TICK}
        tickLine={false}
        axisLine={{ stroke: "var(--line-strong)" }}
        tickMargin={6}
        height={40}
        interval={0}
        label={{ value: AXIS_TITLES[axis], position: "insideBottom", offset: 0, ...TICK }}
      />
    ),
    [from, to, axis, width],
  );
  const y = useMemo(() => {
    const places = yScale.ticks.map(yScale.place);
    const tickText = (place: number) => formatY(yScale.ticks[places.indexOf(place)] ?? Number.NaN, yScale.ticks);
    return (
      <>
        <CartesianGrid vertical={false} horizontalValues={places} stroke="var(--grid)" />
        <YAxis
          type="number"
          domain={[...yScale.domain]}
          allowDataOverflow
          ticks={places}
          tickFormatter={tickText}
          tick={TICK}
          tickLine={false}
          axisLine={false}
          tickMargin={4}
          width={48}
          interval={0}
        />
      </>
    );
  }, [yScale, formatY]);
  return (
    <>
      {y}
      {x}
    </>
  );
}

export interface PlotArea {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where values stand within a `Plot`, for what is drawn in it; undefined before it has a size. */
export function usePlot(): { area: PlotArea; x(value: number): number; y(value: number): number } | undefined {
  const area = usePlotArea();
  const xScale = useXAxisScale();
  const yScale = useYAxisScale();
  const scale = use(ScaleContext);
  if (area === undefined || xScale === undefined || yScale === undefined || scale === undefined) return undefined;
  const bottom = area.y + area.height;
  return {
    area,
    x: (value) => Number(xScale(value)),
    /** Kept within the plot; NaN stays NaN. */
    y: (value) => Math.max(area.y, Math.min(bottom, Number(yScale(scale.place(value)) ?? Number.NaN))),
  };
}

/** Takes the pointer, and draws the step cursor, the hover line and the stretch dragged over. */
function Pointer({
  cursorX,
  read,
  stepsAt,
  onPick,
  xDomain,
  frame,
}: PlotProps & { frame: RefObject<HTMLElement | null> }) {
  const plot = usePlot();
  const inverse = useXAxisInverseScale();
  const { hovered, dragged } = usePointed();
  const [pointedY, setPointedY] = useState<number>();
  const pixelY = (event: PointerEvent<SVGElement>) => event.clientY - (frame.current?.getBoundingClientRect().top ?? 0);
  const pixelX = (event: PointerEvent<SVGElement>) =>
    event.clientX - (frame.current?.getBoundingClientRect().left ?? 0);
  const within = (x: number | undefined): x is number => x !== undefined && x >= xDomain[0] && x <= xDomain[1];
  const clamp = (x: number) => Math.max(xDomain[0], Math.min(xDomain[1], x));
  const handlers = useXPointer({
    xAt: (event) => clamp(Number(inverse?.(pixelX(event)))),
    stepsAt,
    onClick: (event) => {
      const at = Number(inverse?.(pixelX(event)));
      const steps = stepsAt(at);
      if (steps !== undefined) navigate({ step: steps.last }, "replace");
      if (plot !== undefined) onPick?.({ x: at, y: pixelY(event), yOf: plot.y });
    },
  });
  if (plot === undefined) return null;
  const { area, x } = plot;
  const ends = dragged?.map((end) => x(clamp(end))).sort((a, b) => a - b);
  const readAt = (at: number) => read(at, pointedY === undefined ? undefined : { x: at, y: pointedY, yOf: plot.y });
  return (
    <g>
      {within(cursorX) && <UprightLine x={x(cursorX)} area={area} className="plot-cursor" />}
      <g data-export="no">
        {within(hovered) && <UprightLine x={x(hovered)} area={area} className="plot-hover" />}
        {ends && <rect className="plot-drag" x={ends[0]} y={area.y} width={ends[1]! - ends[0]!} height={area.height} />}
        <rect
          className="plot-pointer"
          {...area}
          {...handlers}
          onPointerMove={(event) => {
            handlers.onPointerMove(event);
            setPointedY(pixelY(event));
          }}
          onPointerLeave={() => {
            handlers.onPointerLeave();
            setPointedY(undefined);
          }}
        />
      </g>
      {within(hovered) && <ReadoutBox frame={frame.current} readout={readAt(hovered)} x={x(hovered)} area={area} />}
    </g>
  );
}

function UprightLine({ x, area, className }: { x: number; area: PlotArea; className: string }) {
  return <line className={className} x1={x} x2={x} y1={area.y} y2={area.y + area.height} />;
}

const READOUT_WIDTH = 196;

interface ReadoutBoxProps {
  frame: HTMLElement | null;
  readout: Readout | undefined;
  x: number;
  area: PlotArea;
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
