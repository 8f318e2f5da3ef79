// Shades on the time axis where a run made no steps: a line over hours in which it was stopped is no training.
import { useMemo } from "react";
import type { Axis } from "../address/address.ts";
import { usePlot } from "./Plot.tsx";
import { type PausedLine, pausesOf } from "./pauses.ts";

/** Pixels that "paused" takes. */
const ROOM_FOR_WORD = 48;

export function Pauses({ lines, axis }: { lines: readonly PausedLine[]; axis: Axis }) {
  const pauses = useMemo(() => pausesOf(lines, axis), [lines, axis]);
  const plot = usePlot();
  if (plot === undefined) return null;
  const { area, x } = plot;
  return pauses.map(({ id, from, to, colour }) => (
    <g key={id} className="plot-pause">
      <rect x={x(from)} y={area.y} width={Math.max(0, x(to) - x(from))} height={area.height} fill={colour} />
      {x(to) - x(from) >= ROOM_FOR_WORD && (
        <text x={(x(from) + x(to)) / 2} y={area.y + 12} textAnchor="middle">
          paused
        </text>
      )}
    </g>
  ));
}
