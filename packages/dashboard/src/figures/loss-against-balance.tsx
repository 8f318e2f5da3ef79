// The figure `loss-against-balance`: a point for each run, a cross for each arm of several.
import type { ReactElement } from "react";
import { ArmPoint, armLook } from "./arm-marks.tsx";
import type { LossAgainstBalanceArm, LossAgainstBalanceModel } from "./loss-against-balance-model.ts";
import { PlotFrame } from "./plot-frame.tsx";
import { placeIn, plotFrameLayout } from "./plot-frame-layout.ts";

const CROSS = 6;

export function LossAgainstBalanceFigure({ model }: { model: LossAgainstBalanceModel }): ReactElement {
  const layout = plotFrameLayout(model);
  const place = placeIn(layout, model);
  return (
    <PlotFrame model={model} layout={layout} sample={(arm, x, y) => <ArmPoint look={armLook(arm)} x={x + 14} y={y} />}>
      {model.arms.map((arm, index) => (
        <g key={arm.name}>
          {arm.seeds.map(({ seed, maxViolation, loss }) => (
            <ArmPoint key={seed} look={armLook(index)} x={place.x(maxViolation)} y={place.y(loss)} />
          ))}
        </g>
      ))}
      {model.arms.map((arm, index) => (
        <MeanCross key={arm.name} arm={arm} colour={armLook(index).colour} place={place} />
      ))}
    </PlotFrame>
  );
}

interface MeanCrossProps {
  arm: LossAgainstBalanceArm;
  colour: string;
  place: ReturnType<typeof placeIn>;
}

function MeanCross({ arm: { seeds, maxViolation, loss }, colour, place }: MeanCrossProps): ReactElement | null {
  if (seeds.length < 2) return null;
  const [x, y] = [place.x(maxViolation.mean), place.y(loss.mean)];
  const from = (axis: "x" | "y", { mean, deviation }: typeof loss, side: 1 | -1) =>
    place[axis](mean + side * deviation);
  const bars = `M${from("x", maxViolation, -1)} ${y}H${from("x", maxViolation, 1)}M${x} ${from("y", loss, -1)}V${from("y", loss, 1)}`;
  return (
    <g fill="none" stroke={colour}>
      <path d={bars} strokeWidth={1} />
      <path
        d={`M${x - CROSS} ${y}h${2 * CROSS}M${x} ${y - CROSS}v${2 * CROSS}`}
        stroke="#ffffff"
        strokeWidth={5}
        strokeLinecap="round"
      />
      <path
        d={`M${x - CROSS} ${y}h${2 * CROSS}M${x} ${y - CROSS}v${2 * CROSS}`}
        strokeWidth={2.75}
        strokeLinecap="round"
      />
    </g>
  );
}
