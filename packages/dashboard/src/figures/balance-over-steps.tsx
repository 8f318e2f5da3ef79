// The figure `balance-over-steps`: a line for each arm, a band for its seeds.
import type { ReactElement } from "react";
import { ArmLine, armLook } from "./arm-marks.tsx";
import { type BalanceOverStepsModel, type BalanceStretch, lowerEnd, upperEnd } from "./balance-over-steps-model.ts";
import { PlotFrame } from "./plot-frame.tsx";
import { placeIn, plotFrameLayout } from "./plot-frame-layout.ts";

export function BalanceOverStepsFigure({ model }: { model: BalanceOverStepsModel }): ReactElement {
  const layout = plotFrameLayout(model);
  const place = placeIn(layout, model);
  const x = ({ firstStep, lastStep }: BalanceStretch) => place.x((firstStep + lastStep + 1) / 2);
  const line = (stretches: readonly BalanceStretch[], value: (stretch: BalanceStretch) => number) =>
    stretches.map((stretch) => `${x(stretch)} ${place.y(value(stretch))}`).join("L");
  return (
    <PlotFrame
      model={model}
      layout={layout}
      sample={(arm, left, y) => <ArmLine look={armLook(arm)} d={`M${left} ${y}h24`} />}
    >
      {model.arms.map(({ name, seeds, stretches }, index) =>
        seeds > 1 ? (
          <path
            key={name}
            d={`M${line(stretches, upperEnd)}L${line([...stretches].reverse(), lowerEnd)}z`}
            fill={armLook(index).colour}
            fillOpacity={0.16}
          />
        ) : null,
      )}
      {model.arms.map(({ name, stretches }, index) => (
        <ArmLine key={name} look={armLook(index)} d={`M${line(stretches, ({ mean }) => mean)}`} />
      ))}
    </PlotFrame>
  );
}
