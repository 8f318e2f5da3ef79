// Lines of a few runs over x, with the extremes of each point as a band.
import { useMemo } from "react";
import { Area, Line } from "recharts";
import type { Axis } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { nearestIndex } from "../../charts/lines.ts";
import { Plot, type Readout } from "../../charts/Plot.tsx";
import { formatPosition } from "../../charts/ticks.ts";
import { stepRange } from "../../format/sentence.ts";
import { type LineSeries, type LinesModel, lineRows } from "./lines-model.ts";

const HEIGHT = 260;

/** Up to so many points a line shows them: a few evaluations would be hard to see. */
const SPARSE = 24;

interface LinesChartProps {
  model: LinesModel;
  label: string;
  axis: Axis;
  cursorX: number | undefined;
  formatY: (value: number, ticks: readonly number[]) => string;
  formatReading: (value: number) => string;
}

export function LinesChart({ model, label, axis, cursorX, formatY, formatReading }: LinesChartProps) {
  const { series, loading, xDomain, yDomain } = model;
  const rows = useMemo(() => lineRows(series), [series]);
  const places = useMemo(() => series.map(({ points }) => points.map(({ x }) => x)), [series]);
  const crowded = series.length > 8;
  const read = (x: number): Readout => readAt(series, places, x, axis, formatReading);
  const choose = (x: number) => {
    const at = nearestIndex(places[0] ?? [], x);
    if (at >= 0) navigate({ step: series[0]!.points[at]!.lastStep }, "replace");
  };
  if (loading) return <div style={{ height: HEIGHT }} />;
  return (
    <Plot
      label={label}
      height={HEIGHT}
      axis={axis}
      xDomain={xDomain}
      yDomain={yDomain}
      formatY={formatY}
      rows={rows}
      cursorX={cursorX}
      read={read}
      onChoose={choose}
    >
      {!crowded &&
        series.map(({ id, colour }, place) => (
          <Area
            key={`band ${id}`}
            dataKey={`band${place}`}
            stroke="none"
            fill={`var(--run-${colour})`}
            fillOpacity={0.16}
            isAnimationActive={false}
            connectNulls
            dot={false}
            activeDot={false}
            type="linear"
          />
        ))}
      {series.map(({ id, colour, layer, points }, place) => (
        <Line
          key={id}
          dataKey={`y${place}`}
          stroke={`var(--run-${colour})`}
          strokeWidth={layer === undefined ? 1.75 : 1.1}
          strokeOpacity={layerOpacity(series, place)}
          dot={points.length <= SPARSE && { r: 2.5, strokeWidth: 0, fill: `var(--run-${colour})` }}
          activeDot={false}
          isAnimationActive={false}
          connectNulls
          type="linear"
        />
      ))}
    </Plot>
  );
}

/** Layers of one run share its colour: deeper layers are stronger. */
function layerOpacity(series: readonly LineSeries[], place: number): number {
  const { run, layer } = series[place]!;
  if (layer === undefined) return 1;
  const layers = series.filter((each) => each.run === run);
  const depth = layers.findIndex((each) => each.layer === layer);
  return 0.35 + (0.65 * (depth + 1)) / layers.length;
}

/** With many lines, the highest ones: the readout has room for eight. */
function readAt(
  series: readonly LineSeries[],
  places: readonly number[][],
  x: number,
  axis: Axis,
  format: (value: number) => string,
): Readout {
  const readings = series.flatMap(({ label, colour, points }, place) => {
    const point = points[nearestIndex(places[place]!, x)];
    const outside = points.length > 0 && (x < points[0]!.x || x > points.at(-1)!.x);
    return point === undefined || outside ? [] : [{ label, colour: `var(--run-${colour})`, point }];
  });
  const nearest = readings.reduce<(typeof readings)[number] | undefined>(
    (best, each) => (best && Math.abs(best.point.x - x) <= Math.abs(each.point.x - x) ? best : each),
    undefined,
  );
  const highest = series.length > 8 ? readings.toSorted((a, b) => b.point.y - a.point.y).slice(0, 8) : readings;
  const steps = nearest === undefined ? "" : stepRange(nearest.point.firstStep, nearest.point.lastStep);
  const title = axis === "step" ? steps : `${formatPosition(x, axis)} · ${steps}`;
  return { title, rows: highest.map(({ label, colour, point }) => ({ label, colour, value: format(point.y) })) };
}
