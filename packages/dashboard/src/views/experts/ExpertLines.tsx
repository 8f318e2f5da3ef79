// Load share of the experts of one layer as lines: own paths inside Recharts' frame, since sixty Recharts lines are slow.
import { useMemo } from "react";
import type { Axis } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { bandPath, linePath, nearestIndex } from "../../charts/lines.ts";
import { Plot, type Readout, usePlot } from "../../charts/Plot.tsx";
import { formatPosition, tickText } from "../../charts/ticks.ts";
import { linearScale, logScale } from "../../charts/y-scale.ts";
import { formatPercent, formatRatio } from "../../format/number.ts";
import { stepRange } from "../../format/sentence.ts";
import {
  type ExpertMarks,
  type ExpertsModel,
  isLoading,
  MOST_LINES,
  shareQuantiles,
  smallestShare,
} from "./experts-model.ts";

/** What the marked experts are drawn in; every mark has its number beside it. */
export const MARK_COLOURS = { followed: "var(--ink)", busiest: "var(--over)", idlest: "var(--under)" } as const;

const HEIGHT = 250;

interface ExpertLinesProps {
  model: ExpertsModel;
  marks: ExpertMarks;
  axis: Axis;
  xDomain: readonly [number, number];
  yDomain: readonly [number, number];
  cursorX: number | undefined;
  /** Logarithmic y axis. */
  log: boolean;
}

export function ExpertLines({ model, marks, axis, xDomain, yDomain, cursorX, log }: ExpertLinesProps) {
  const yScale = useMemo(
    () => (log ? logScale(yDomain, smallestShare(model)) : linearScale(yDomain)),
    [log, yDomain, model],
  );
  const stepsAt = (x: number) => {
    const at = nearestIndex(model.x, x);
    return at < 0 ? undefined : { first: model.firstSteps[at]!, last: model.lastSteps[at]! };
  };
  if (isLoading(model)) return <div style={{ height: HEIGHT }} />;
  return (
    <Plot
      label={`Share of assignments of each expert. ${marks.sentence}`}
      height={HEIGHT}
      axis={axis}
      xDomain={xDomain}
      yScale={yScale}
      formatY={(value, ticks) =>
        `${tickText(
          value * 100,
          ticks.map((tick) => tick * 100),
        )} %`
      }
      cursorX={cursorX}
      read={(x) => readAt(model, marks, x, axis)}
      stepsAt={stepsAt}
      onPick={({ x, y, yOf }) => {
        const expert = expertAt(model, nearestIndex(model.x, x), (share) => Math.abs(yOf(share) - y));
        if (expert !== undefined) navigate({ expert });
      }}
      right={36}
    >
      <Paths model={model} marks={marks} />
    </Plot>
  );
}

/** Further from every line, a click follows none, pixels. */
const NEAR = 7;

/** @returns the expert whose line is nearest in a bucket, among lines near enough; with bands instead of lines there is none to click */
function expertAt({ share, experts }: ExpertsModel, row: number, distanceOf: (share: number) => number) {
  if (row < 0 || experts > MOST_LINES) return undefined;
  const distances = Array.from(share.subarray(row * experts, (row + 1) * experts), distanceOf);
  const nearest = Math.min(...distances);
  return nearest <= NEAR ? distances.indexOf(nearest) : undefined;
}

function Paths({ model, marks }: { model: ExpertsModel; marks: ExpertMarks }) {
  const plot = usePlot();
  if (plot === undefined) return null;
  const { area, y: toY } = plot;
  const x = Array.from(model.x, plot.x);
  const column = (matrix: Float64Array, expert: number) =>
    x.map((_, row) => toY(matrix[row * model.experts + expert]!));
  const balanced = toY(1 / model.experts);
  return (
    <g>
      {model.experts > MOST_LINES ? (
        <Quantiles model={model} x={x} toY={toY} />
      ) : (
        <path className="expert-lines" d={allLines(model, x, column)} />
      )}
      <line className="expert-balanced" x1={area.x} x2={area.x + area.width} y1={balanced} y2={balanced} />
      {marks.marked.map(({ expert, role }) => (
        <g key={expert} style={{ color: MARK_COLOURS[role] }}>
          <path className="expert-band" d={bandPath(x, column(model.low, expert), column(model.high, expert))} />
          <path className="expert-marked" d={linePath(x, column(model.share, expert))} />
        </g>
      ))}
      {endLabels(model, marks, toY).map(({ expert, role, y }) => (
        <text key={expert} className="expert-label" x={(x.at(-1) ?? area.x) + 5} y={y + 4} fill={MARK_COLOURS[role]}>
          {expert}
        </text>
      ))}
    </g>
  );
}

/** Every expert in one path: sixty lines cost one element. */
function allLines(
  { experts, share }: ExpertsModel,
  x: readonly number[],
  column: (matrix: Float64Array, expert: number) => number[],
): string {
  return Array.from({ length: experts }, (_, expert) => linePath(x, column(share, expert))).join("");
}

function Quantiles({ model, x, toY }: { model: ExpertsModel; x: readonly number[]; toY: (value: number) => number }) {
  const [p0, p25, p50, p75, p100] = useMemo(() => shareQuantiles(model), [model]).map((line) => Array.from(line, toY));
  return (
    <g>
      <path className="expert-quantile wide" d={bandPath(x, p0!, p100!)} />
      <path className="expert-quantile" d={bandPath(x, p25!, p75!)} />
      <path className="expert-median" d={linePath(x, p50!)} />
    </g>
  );
}

/** Numbers of the marked experts at the ends of their lines, pushed apart where they would overlap. */
function endLabels({ share, experts, x }: ExpertsModel, { marked }: ExpertMarks, toY: (value: number) => number) {
  const last = (x.length - 1) * experts;
  const labels = marked
    .map(({ expert, role }) => ({ expert, role, y: toY(share[last + expert] ?? Number.NaN) }))
    .filter(({ y }) => !Number.isNaN(y));
  labels.sort((a, b) => a.y - b.y);
  for (let place = 1; place < labels.length; place++)
    labels[place]!.y = Math.max(labels[place]!.y, labels[place - 1]!.y + 12);
  return labels;
}

function readAt(model: ExpertsModel, { marked }: ExpertMarks, x: number, axis: Axis): Readout | undefined {
  const row = nearestIndex(model.x, x);
  if (row < 0) return undefined;
  const steps = stepRange(model.firstSteps[row]!, model.lastSteps[row]!);
  const rows = marked.map(({ expert, role }) => {
    const cell = row * model.experts + expert;
    const value = `${formatPercent(model.share[cell]!)} · ${formatRatio(model.relative[cell]!)} ×`;
    return { label: `expert ${expert}`, value, colour: MARK_COLOURS[role] };
  });
  return { title: axis === "step" ? steps : `${formatPosition(model.x[row]!, axis)} · ${steps}`, rows };
}
