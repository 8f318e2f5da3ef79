// The colour bar of relative load, with the mark that heat maps have for dead experts.
import type { Theme } from "../address/address.ts";
import { divergingColour, loadColour } from "../theme/diverging.ts";
import { ColourScale } from "./ColourScale.tsx";

export function LoadScale({ theme }: { theme: Theme }) {
  return (
    <ColourScale
      label="Colours of relative load, from a quarter of the fair share to four times it"
      colour={(place) => divergingColour(place, theme)}
      ticks={["≤ ¼", "½", "1", "2", "≥ 4"]}
      words="relative load, log scale"
    >
      <DeadCell fill={`rgb(${loadColour(0.01, theme).join(" ")})`} />
    </ColourScale>
  );
}

/** @param fill colour of a cell without load */
export function DeadCell({ fill }: { fill: string }) {
  return (
    <span className="dead-cell">
      <svg width={14} height={14} aria-hidden="true">
        <rect y={2} width={14} height={10} fill={fill} />
        <path d="M4 4l6 6m0 -6l-6 6" stroke="var(--dead-mark)" strokeWidth={1.25} />
      </svg>
      <span data-export="text">dead expert</span>
    </span>
  );
}
