// The drawing of the scatter: a mark for each run, a crossed one for each arm, the frontier as steps.
import { useChartHeight } from "../../charts/full-screen.ts";
import { roundTicks, tickText } from "../../charts/ticks.ts";
import { useWidth } from "../../charts/use-width.ts";
import { armLook } from "../../figures/arm-marks.tsx";
import { formatRatio, formatValue } from "../../format/number.ts";
import { armColour } from "./arms.ts";
import type { ScatterArm, ScatterModel } from "./scatter-model.ts";

const HEIGHT = 280;
const ROOM = { left: 56, right: 16, top: 10, bottom: 42 } as const;

interface Scales {
  x: (maxViolation: number) => number;
  y: (loss: number) => number;
  right: number;
  bottom: number;
}

export function LossScatter({ model }: { model: ScatterModel }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const height = useChartHeight(HEIGHT, width);
  const scales = scalesOf(model, width, height);
  return (
    <div ref={ref} className="loss-scatter" style={{ height }}>
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={`Validation loss against MaxVio. ${model.sentence}`}>
          <Axes model={model} scales={scales} />
          <path className="loss-scatter-frontier" d={frontierPath(model, scales)} />
          {model.arms.map((each) => (
            <ArmMarks key={each.arm.value} {...each} scales={scales} />
          ))}
        </svg>
      )}
    </div>
  );
}

function scalesOf({ xDomain, yDomain }: ScatterModel, width: number, height: number): Scales {
  const [right, bottom] = [width - ROOM.right, height - ROOM.bottom];
  const between = (value: number, [low, high]: readonly [number, number]) => (value - low) / (high - low || 1);
  return {
    right,
    bottom,
    x: (value) => ROOM.left + (right - ROOM.left) * between(value, xDomain),
    y: (value) => bottom - (bottom - ROOM.top) * between(value, yDomain),
  };
}

function Axes({ model: { xDomain, yDomain }, scales }: { model: ScatterModel; scales: Scales }) {
  const { x, y, right, bottom } = scales;
  const [across, up] = [roundTicks(xDomain, Math.max(3, (right - ROOM.left) / 110)), roundTicks(yDomain, 4)];
  const middle = (bottom + ROOM.top) / 2;
  return (
    <g className="loss-scatter-axes">
      {up.map((tick) => (
        <g key={tick}>
          <path d={`M${ROOM.left} ${y(tick)}H${right}`} />
          <text x={ROOM.left - 6} y={y(tick) + 4} textAnchor="end">
            {tickText(tick, up)}
          </text>
        </g>
      ))}
      {across.map((tick) => (
        <text key={tick} x={x(tick)} y={bottom + 16} textAnchor="middle">
          {tickText(tick, across)}
        </text>
      ))}
      <path className="base" d={`M${ROOM.left} ${bottom}H${right}`} />
      <text x={(ROOM.left + right) / 2} y={bottom + 34} textAnchor="middle">
        MaxVio of the validation set
      </text>
      <text transform={`translate(12 ${middle}) rotate(-90)`} textAnchor="middle">
        validation loss
      </text>
    </g>
  );
}

/** From each arm on the frontier right, then down to the next: nothing under it is reached. */
function frontierPath({ frontier }: ScatterModel, { x, y, right }: Scales): string {
  const [first] = frontier;
  if (first === undefined || frontier.length < 2) return "";
  const corners = frontier.slice(1).map(({ maxViolation, loss }) => `H${x(maxViolation)}V${y(loss)}`);
  return `M${x(first.maxViolation)} ${ROOM.top}V${y(first.loss)}${corners.join("")}H${right}`;
}

function ArmMarks({ arm, runs, maxViolation, loss, scales }: ScatterArm & { scales: Scales }) {
  const { shape } = armLook(arm.place);
  const { colour, opacity } = armColour(arm);
  const { x, y } = scales;
  const [atX, atY] = [x(maxViolation.mean), y(loss.mean)];
  const bars =
    `M${x(maxViolation.mean - maxViolation.deviation)} ${atY}H${x(maxViolation.mean + maxViolation.deviation)}` +
    `M${atX} ${y(loss.mean - loss.deviation)}V${y(loss.mean + loss.deviation)}`;
  return (
    <g fill={colour} stroke={colour} opacity={opacity}>
      {runs.map((run) => (
        <path
          key={run.id}
          className={runs.length > 1 ? "loss-scatter-run" : undefined}
          d={shape}
          strokeWidth={0}
          transform={`translate(${x(run.maxViolation)} ${y(run.loss)})`}
        >
          <title>{`${arm.name}, seed ${run.seed}: validation loss ${formatValue(run.loss)} at MaxVio ${formatRatio(run.maxViolation)}`}</title>
        </path>
      ))}
      {runs.length > 1 && (
        <>
          <path d={bars} strokeWidth={1} fill="none" />
          <path className="loss-scatter-mean" d={shape} transform={`translate(${atX} ${atY}) scale(1.5)`}>
            <title>{`${arm.name}, mean of ${runs.length} runs: validation loss ${formatValue(loss.mean)} at MaxVio ${formatRatio(maxViolation.mean)}`}</title>
          </path>
        </>
      )}
    </g>
  );
}
