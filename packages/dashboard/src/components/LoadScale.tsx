// The colour bar of relative load, with the marks that a heat map uses.
import type { Theme } from "../address/address.ts";
import { LOAD_DOUBLINGS, loadColour } from "../theme/diverging.ts";

const STEPS = 48;
const WIDTH = 192;
const TICKS = ["≤ ¼", "½", "1", "2", "≥ 4"];

export function LoadScale({ theme }: { theme: Theme }) {
  const step = WIDTH / STEPS;
  const at = (place: number) => 2 ** ((place * 2 - 1) * LOAD_DOUBLINGS);
  return (
    <svg
      className="load-scale"
      width={WIDTH + 176}
      height={34}
      role="img"
      aria-label="Colours of relative load, from a quarter of the fair share to four times it"
    >
      <g transform="translate(8 2)">
        {Array.from({ length: STEPS }, (_, index) => {
          const value = at((index + 0.5) / STEPS);
          return (
            <rect
              key={value}
              x={index * step}
              width={step + 0.4}
              height={10}
              fill={`rgb(${loadColour(value, theme).join(" ")})`}
            />
          );
        })}
        {TICKS.map((tick, place) => (
          <text
            key={tick}
            x={(place / (TICKS.length - 1)) * WIDTH}
            y={26}
            textAnchor="middle"
            fontSize={11}
            fill="var(--ink-3)"
          >
            {tick}
          </text>
        ))}
        <g transform={`translate(${WIDTH + 22} 0)`} fontSize={11}>
          <rect width={14} height={10} fill={`rgb(${loadColour(0.01, theme).join(" ")})`} />
          <path d="M4 2l6 6m0 -6l-6 6" stroke="var(--dead-mark)" strokeWidth={1.25} />
          <text x={20} y={9} fill="var(--ink-3)">
            dead expert
          </text>
          <text x={0} y={26} fill="var(--ink-3)">
            relative load, log scale
          </text>
        </g>
      </g>
    </svg>
  );
}
