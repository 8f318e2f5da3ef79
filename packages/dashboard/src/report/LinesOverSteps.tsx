// Lines over the steps of one run: a drawing without state or measurement, for a report.
import type { ReactElement } from "react";
import { bandPath, linePath } from "../charts/lines.ts";
import { ArmLine, armLook } from "../figures/arm-marks.tsx";
import { PlotFrame } from "../figures/plot-frame.tsx";
import { placeIn, plotFrameLayout } from "../figures/plot-frame-layout.ts";
import type { LinesOverStepsModel, StepPoint } from "./lines-over-steps-model.ts";

/** Up to so many points a line shows them: a few evaluations would be hard to see. */
const SPARSE = 24;

export function LinesOverSteps({ model }: { model: LinesOverStepsModel }): ReactElement {
  const layout = plotFrameLayout(model);
  const place = placeIn(layout, model);
  const x = (points: readonly StepPoint[]) => points.map(({ lastStep }) => place.x(lastStep));
  const y = (points: readonly StepPoint[], value: "mean" | "low" | "high") =>
    points.map((point) => (Number.isNaN(point[value]) ? Number.NaN : place.y(point[value])));
  return (
    <PlotFrame
      model={model}
      layout={layout}
      sample={(line, left, top) => <ArmLine look={armLook(line)} d={`M${left} ${top}h24`} />}
    >
      {model.lines.map(({ name, points }, line) => (
        <path
          key={name}
          d={bandPath(x(points), y(points, "low"), y(points, "high"))}
          fill={armLook(line).colour}
          fillOpacity={0.16}
        />
      ))}
      {model.lines.map(({ name, points }, line) => (
        <g key={name}>
          <ArmLine look={armLook(line)} d={linePath(x(points), y(points, "mean"))} />
          {points.length <= SPARSE && <path fill={armLook(line).colour} d={dots(x(points), y(points, "mean"))} />}
        </g>
      ))}
    </PlotFrame>
  );
}

function dots(x: readonly number[], y: readonly number[]): string {
  return x
    .map((left, place) =>
      Number.isNaN(y[place]!) ? "" : `M${left - 2.5} ${y[place]}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0z`,
    )
    .join("");
}
