// Shares of the experts of one layer on top of each other: one path an expert.
import { useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { bandPath, nearestIndex } from "../../charts/lines.ts";
import { Pauses } from "../../charts/Pauses.tsx";
import { Plot, PlotPlace, type PointedPlace, usePlot } from "../../charts/Plot.tsx";
import { linearScale } from "../../charts/y-scale.ts";
import { formatPercent } from "../../format/number.ts";
import type { ExpertChartProps } from "./expert-chart.ts";
import { expertsReadout, MARK_COLOURS } from "./expert-readout.ts";
import { type ExpertsModel, isLoading, pausedLine } from "./experts-model.ts";
import { expertInStream, streamBands, stretchesOf } from "./stream-model.ts";

const HEIGHT = 320;
const WHOLE = linearScale([0, 1]);
/** Half the width of a bucket that stands alone, pixels. */
const ALONE = 6;

export function ExpertStream({ model, marks, axis, xDomain, cursorX }: ExpertChartProps) {
  const paused = useMemo(() => [pausedLine(model)], [model]);
  if (isLoading(model)) return <PlotPlace height={HEIGHT} />;
  return (
    <Plot
      label={`Shares of assignments of all experts on top of each other. ${marks.sentence}`}
      height={HEIGHT}
      axis={axis}
      xDomain={xDomain}
      yScale={WHOLE}
      formatY={formatPercent}
      cursorX={cursorX}
      read={(x, place) => expertsReadout(model, marks, { x, axis, pointed: place && expertUnder(model, place) })}
      stepsAt={(x) => {
        const at = nearestIndex(model.x, x);
        return at < 0 ? undefined : { first: model.firstSteps[at]!, last: model.lastSteps[at]! };
      }}
      onPick={(place) => {
        const expert = expertUnder(model, place);
        if (expert !== undefined) navigate({ expert });
      }}
      right={36}
    >
      <Pauses lines={paused} axis={axis} />
      <Bands model={model} marks={marks} axis={axis} />
    </Plot>
  );
}

function expertUnder(model: ExpertsModel, { x, y, yOf }: PointedPlace): number | undefined {
  const [bottom, top] = [yOf(0), yOf(1)];
  return expertInStream(model, nearestIndex(model.x, x), (bottom - y) / (bottom - top));
}

function Bands({ model, marks: { marked }, axis }: Pick<ExpertChartProps, "model" | "marks" | "axis">) {
  const plot = usePlot();
  const bands = useMemo(() => streamBands(model), [model]);
  const stretches = useMemo(() => stretchesOf(model, axis), [model, axis]);
  if (plot === undefined) return null;
  const x = Array.from(model.x, plot.x);
  const y = (edge: Float64Array) => Array.from(edge, plot.y);
  const path = (low: number[], high: number[]) =>
    stretches
      .map((stretch) => {
        const [at, from, to] = [x, low, high].map((each) => each.slice(...stretch));
        // A single bucket has no width of its own.
        return at!.length === 1
          ? bandPath([at![0]! - ALONE, at![0]! + ALONE], [from![0]!, from![0]!], [to![0]!, to![0]!])
          : bandPath(at!, from!, to!);
      })
      .join("");
  const roles = new Map(marked.map(({ expert, role }) => [expert, role]));
  return (
    <g>
      {bands.map(({ expert, low, high }) => {
        const role = roles.get(expert);
        const shade = expert % 2 === 0 ? "expert-stream" : "expert-stream odd";
        return (
          <path
            key={expert}
            className={role === undefined ? shade : "expert-stream marked"}
            {...(role && { style: { color: MARK_COLOURS[role] } })}
            d={path(y(low), y(high))}
          />
        );
      })}
      {marked.map(({ expert, role }) => (
        <text
          key={expert}
          className="expert-label"
          x={(x.at(-1) ?? 0) + 5 + (x.length === 1 ? ALONE : 0)}
          y={plot.y((bands[expert]!.low.at(-1)! + bands[expert]!.high.at(-1)!) / 2) + 4}
          fill={MARK_COLOURS[role]}
        >
          {expert}
        </text>
      ))}
    </g>
  );
}
