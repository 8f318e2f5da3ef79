// Lines over steps, tokens or time, with their extremes as bands; smoothed on demand, the raw line kept behind.
import { memo, useMemo } from "react";
import type { Axis } from "../address/address.ts";
import { useAddress } from "../address/use-address.ts";
import { stepRange } from "../format/sentence.ts";
import { type LineSeries, smoothLine, stepsNear, xDomainOf, yScaleOf } from "./line-series.ts";
import { bandPath, dotsPath, linePath, nearestIndex, SPARSE } from "./lines.ts";
import { Pauses } from "./Pauses.tsx";
import { Plot, PlotPlace, type Readout, usePlot } from "./Plot.tsx";
import { formatPosition } from "./ticks.ts";

const HEIGHT = 260;
/** Up to so many lines have bands, and stand in the readout, unless they say otherwise. */
const CROWDED = 8;

export interface LineChartProps {
  series: readonly LineSeries[];
  /** Says what the chart shows, for those who do not see it. */
  label: string;
  axis: Axis;
  /** Place of the step cursor on the axis, from `cursorPosition`. */
  cursorX: number | undefined;
  /** A tick of the y axis, given all of them. */
  formatY: (value: number, ticks: readonly number[]) => string;
  /** A value in the readout. */
  formatReading: (value: number) => string;
  /** The lowest value of the axis, for what has a natural zero. */
  floor?: number;
  height?: number;
  /** Default: the ends of the lines. Charts beside each other may share one. */
  xDomain?: readonly [number, number];
  /** Nothing can be drawn yet: the place is kept. */
  loading?: boolean;
}

/** Log axis and smoothing follow the address, as on every line chart. Drawn again only for other properties: give it the same functions. */
export const LineChart = memo(function LineChart(props: LineChartProps) {
  const { series, axis, floor, formatReading, height = HEIGHT, loading = false } = props;
  const { log, smooth } = useAddress().address;
  const values = useMemo(() => series.map((each) => smoothLine(each, smooth)), [series, smooth]);
  const yScale = useMemo(() => yScaleOf(series, { log, floor, drawn: values }), [series, values, log, floor]);
  const xDomain = useMemo(() => props.xDomain ?? xDomainOf(series, axis), [props.xDomain, series, axis]);
  if (loading) return <PlotPlace height={height} />;
  return (
    <Plot
      label={props.label}
      height={height}
      axis={axis}
      xDomain={xDomain}
      yScale={yScale}
      formatY={props.formatY}
      cursorX={props.cursorX}
      read={(x) => readAt(series, values, x, axis, formatReading)}
      stepsAt={(x) => stepsNear(series, x)}
    >
      <Pauses lines={series} axis={axis} />
      <Lines series={series} values={values} smooth={smooth > 1} />
    </Plot>
  );
});

interface LinesProps {
  series: readonly LineSeries[];
  /** What is drawn strongest: smoothed, or the points as they are. */
  values: readonly Float64Array[];
  smooth: boolean;
}

function Lines({ series, values, smooth }: LinesProps) {
  const plot = usePlot();
  if (plot === undefined) return null;
  const crowded = series.length > CROWDED;
  const drawn = series.map(({ points }, place) => ({
    x: points.map((point) => plot.x(point.x)),
    y: Array.from(values[place]!, plot.y),
  }));
  return (
    <g fill="none" strokeLinejoin="round">
      {series.map(({ id, colour, points, band = !crowded }, place) =>
        band ? (
          <path
            key={id}
            d={bandPath(
              drawn[place]!.x,
              points.map(({ low }) => plot.y(low)),
              points.map(({ high }) => plot.y(high)),
            )}
            fill={colour}
            fillOpacity={0.16}
          />
        ) : null,
      )}
      {smooth &&
        series.map(({ id, colour, points }, place) => (
          <path
            key={id}
            d={linePath(
              drawn[place]!.x,
              points.map(({ y }) => plot.y(y)),
            )}
            stroke={colour}
            strokeOpacity={crowded ? 0.15 : 0.35}
          />
        ))}
      {series.map(({ id, colour, opacity = 1, layer, broken = false, points }, place) => (
        <g key={id} opacity={opacity}>
          <path
            d={linePath(drawn[place]!.x, drawn[place]!.y)}
            stroke={colour}
            strokeWidth={layer === undefined ? 1.75 : 1.1}
            {...(broken && { strokeDasharray: "5 4" })}
          />
          {points.length <= SPARSE && <path d={dotsPath(drawn[place]!.x, drawn[place]!.y)} fill={colour} />}
        </g>
      ))}
    </g>
  );
}

/** With many lines, the highest ones. */
function readAt(
  series: readonly LineSeries[],
  values: readonly Float64Array[],
  x: number,
  axis: Axis,
  format: (value: number) => string,
): Readout {
  const readings = series.flatMap(({ label, colour, points }, place) => {
    const at = nearestIndex(
      points.map((point) => point.x),
      x,
    );
    const outside = points.length === 0 || x < points[0]!.x || x > points.at(-1)!.x;
    return outside ? [] : [{ label, colour, value: values[place]![at]! }];
  });
  const highest =
    readings.length > CROWDED ? readings.toSorted((a, b) => b.value - a.value).slice(0, CROWDED) : readings;
  return {
    title: placeTitle(series, x, axis),
    rows: highest.map(({ label, colour, value }) => ({ label, colour, value: format(value) })),
  };
}

function placeTitle(series: readonly LineSeries[], x: number, axis: Axis): string {
  const near = stepsNear(series, x);
  const steps = near === undefined ? "" : stepRange(near.first, near.last);
  return axis === "step" ? steps : `${formatPosition(x, axis)} · ${steps}`;
}
