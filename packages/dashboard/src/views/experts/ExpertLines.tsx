// A value of each expert of one layer as lines: own paths inside Recharts' frame, since sixty Recharts lines are slow.
import { useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { bandPath, dotsPath, linePath, nearestIndex, SPARSE } from "../../charts/lines.ts";
import { Pauses } from "../../charts/Pauses.tsx";
import { Plot, PlotPlace, type PointedPlace, usePlot } from "../../charts/Plot.tsx";
import type { YScale } from "../../charts/y-scale.ts";
import type { ExpertChartProps } from "./expert-chart.ts";
import { expertsReadout, MARK_COLOURS } from "./expert-readout.ts";
import {
  type ExpertMarks,
  type ExpertReading,
  type ExpertsModel,
  expertQuantiles,
  isLoading,
  MOST_LINES,
  pausedLine,
} from "./experts-model.ts";

const HEIGHT = 250;

/** What the lines show. */
export interface ExpertValues {
  /** Said to those who do not see it: "Share of assignments". */
  name: string;
  /** [bucket × expert] */
  values: Float64Array;
  /** Extremes within each bucket, drawn around the marked experts; undefined where there are none. */
  low?: Float64Array;
  high?: Float64Array;
  /** Value that stands for balance: a dotted line. */
  balanced: number;
  format: (value: number, ticks: readonly number[]) => string;
  /** Of the marked experts at the pointer; default: their load. */
  say?: (reading: ExpertReading) => string;
  /** What `values` are smoothed from, drawn behind the marked experts. */
  raw?: Float64Array | undefined;
}

interface ExpertLinesProps extends ExpertChartProps, ExpertValues {
  yScale: YScale;
}

export function ExpertLines(props: ExpertLinesProps) {
  const { model, marks, axis, xDomain, cursorX, name, values, yScale, format, say } = props;
  const stepsAt = (x: number) => {
    const at = nearestIndex(model.x, x);
    return at < 0 ? undefined : { first: model.firstSteps[at]!, last: model.lastSteps[at]! };
  };
  const paused = useMemo(() => [pausedLine(model)], [model]);
  if (isLoading(model)) return <PlotPlace height={HEIGHT} />;
  return (
    <Plot
      label={`${name} of each expert. ${marks.sentence}`}
      height={HEIGHT}
      axis={axis}
      xDomain={xDomain}
      yScale={yScale}
      formatY={format}
      cursorX={cursorX}
      read={(x, place) =>
        expertsReadout(model, marks, { x, axis, pointed: place && expertAt(model, values, place) }, say)
      }
      stepsAt={stepsAt}
      onPick={(place) => {
        const expert = expertAt(model, values, place);
        if (expert !== undefined) navigate({ expert });
      }}
      right={36}
    >
      <Pauses lines={paused} axis={axis} />
      <Paths {...props} />
    </Plot>
  );
}

/** Further from every line, the pointer is on none, pixels. */
const NEAR = 7;

/** @returns the expert whose line is nearest, among lines near enough; with bands instead of lines there is none to point at */
function expertAt({ x, experts }: ExpertsModel, values: Float64Array, place: PointedPlace): number | undefined {
  const row = nearestIndex(x, place.x);
  if (row < 0 || experts > MOST_LINES) return undefined;
  const ofBucket = values.subarray(row * experts, (row + 1) * experts);
  const distances = Array.from(ofBucket, (value) => Math.abs(place.yOf(value) - place.y));
  const nearest = Math.min(...distances);
  return nearest <= NEAR ? distances.indexOf(nearest) : undefined;
}

function Paths({ model, marks, values, raw, low, high, balanced }: ExpertLinesProps) {
  const plot = usePlot();
  if (plot === undefined) return null;
  const { area, y: toY } = plot;
  const x = Array.from(model.x, plot.x);
  const column = (matrix: Float64Array, expert: number) =>
    x.map((_, row) => toY(matrix[row * model.experts + expert]!));
  const sparse = x.length <= SPARSE;
  const middle = toY(balanced);
  return (
    <g>
      {model.experts > MOST_LINES ? (
        <Quantiles values={values} experts={model.experts} x={x} toY={toY} />
      ) : (
        <path className="expert-lines" d={allLines(model, (expert) => linePath(x, column(values, expert)))} />
      )}
      {sparse && model.experts <= MOST_LINES && (
        <path className="expert-dots" d={allLines(model, (expert) => dotsPath(x, column(values, expert)))} />
      )}
      <line className="expert-balanced" x1={area.x} x2={area.x + area.width} y1={middle} y2={middle} />
      {marks.marked.map(({ expert, role }) => (
        <g key={expert} style={{ color: MARK_COLOURS[role] }}>
          {low && high && <path className="expert-band" d={bandPath(x, column(low, expert), column(high, expert))} />}
          {raw && <path className="expert-marked raw" d={linePath(x, column(raw, expert))} />}
          <path className="expert-marked" d={linePath(x, column(values, expert))} />
          {sparse && <path fill="currentColor" d={dotsPath(x, column(values, expert))} />}
        </g>
      ))}
      {endLabels(model, values, marks, toY).map(({ expert, role, y }) => (
        <text key={expert} className="expert-label" x={(x.at(-1) ?? area.x) + 5} y={y + 4} fill={MARK_COLOURS[role]}>
          {expert}
        </text>
      ))}
    </g>
  );
}

/** Every expert in one path: sixty lines cost one element. */
function allLines({ experts }: ExpertsModel, pathOf: (expert: number) => string): string {
  return Array.from({ length: experts }, (_, expert) => pathOf(expert)).join("");
}

interface QuantilesProps {
  values: Float64Array;
  experts: number;
  x: readonly number[];
  toY: (value: number) => number;
}

function Quantiles({ values, experts, x, toY }: QuantilesProps) {
  const lines = useMemo(() => expertQuantiles(values, experts), [values, experts]);
  const [p0, p25, p50, p75, p100] = lines.map((line) => Array.from(line, toY));
  return (
    <g>
      <path className="expert-quantile wide" d={bandPath(x, p0!, p100!)} />
      <path className="expert-quantile" d={bandPath(x, p25!, p75!)} />
      <path className="expert-median" d={linePath(x, p50!)} />
    </g>
  );
}

/** Numbers of the marked experts at the ends of their lines, pushed apart where they would overlap. */
function endLabels(
  { experts, x }: ExpertsModel,
  values: Float64Array,
  { marked }: ExpertMarks,
  toY: (value: number) => number,
) {
  const last = (x.length - 1) * experts;
  const labels = marked
    .map(({ expert, role }) => ({ expert, role, y: toY(values[last + expert] ?? Number.NaN) }))
    .filter(({ y }) => !Number.isNaN(y));
  labels.sort((a, b) => a.y - b.y);
  for (let place = 1; place < labels.length; place++)
    labels[place]!.y = Math.max(labels[place]!.y, labels[place - 1]!.y + 12);
  return labels;
}
