// The colour bar of a difference of relative loads: symmetric, blue for less, red for more.
import type { Theme } from "../../address/address.ts";
import { formatRatio } from "../../format/number.ts";
import { LOAD_DOUBLINGS, loadColour } from "../../theme/diverging.ts";
import type { DifferenceModel } from "./difference-model.ts";

const STEPS = 48;
const WIDTH = 192;

export function DifferenceScale({ model, theme }: { model: DifferenceModel; theme: Theme }) {
  const { limit, against, baseline } = model;
  const step = WIDTH / STEPS;
  const at = (place: number) => 2 ** ((place * 2 - 1) * LOAD_DOUBLINGS);
  const ticks = [-limit, 0, limit];
  const says = `× the fair share, less and more in ${against.name} than in ${baseline.name}`;
  return (
    <div className="difference-scale">
      <svg width={WIDTH + 32} height={34} role="img" aria-label={`Colours of the difference: ${says}`}>
        <g transform="translate(16 2)">
          {Array.from({ length: STEPS }, (_, index) => (index + 0.5) / STEPS).map((place, index) => (
            <rect
              key={place}
              x={index * step}
              width={step + 0.4}
              height={10}
              fill={`rgb(${loadColour(at(place), theme).join(" ")})`}
            />
          ))}
          {ticks.map((tick, place) => (
            <text key={tick} x={(place / 2) * WIDTH} y={26} textAnchor="middle" fontSize={11} fill="var(--ink-3)">
              {`${tick > 0 ? "+" : ""}${tick === 0 ? "0" : formatRatio(tick)}`}
            </text>
          ))}
        </g>
      </svg>
      <span data-export="text">{says}</span>
    </div>
  );
}
