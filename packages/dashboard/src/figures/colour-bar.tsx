// The sequential scale of figures, pale yellow to dark red, and the bar that explains it.
import { interpolateYlOrRd } from "d3-scale-chromatic";
import type { ReactElement } from "react";

/** Colours that cells can have. */
const LEVELS = 100;
const STOPS = 20;
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];
/** A lower bar has numbers at its ends alone: more would run together. */
const LOWEST_TICKED = 66;

export type Scale = readonly [low: number, high: number];

/** @returns index of a value's colour, 0 … 99; values beyond the scale get the colour at its end */
export function levelOf(value: number, [low, high]: Scale): number {
  const place = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return Math.min(LEVELS - 1, Math.floor(place * LEVELS));
}

/** @returns `#rrggbb` */
export function colourOf(level: number): string {
  return hexAt((level + 0.5) / LEVELS);
}

function hexAt(place: number): string {
  const parts = interpolateYlOrRd(place).match(/\d+/g)!;
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}

interface ColourBarProps {
  bar: { x: number; y: number; width: number; height: number };
  scale: Scale;
  /** What the colours count. */
  title: string;
  muted: string;
}

export function ColourBar({ bar, scale: [low, high], title, muted }: ColourBarProps): ReactElement {
  const { x, y, width, height } = bar;
  const centre = y + height / 2;
  const titleX = x + width + 36;
  return (
    <g>
      <linearGradient id="colour-bar" x1="0" y1="1" x2="0" y2="0">
        {Array.from({ length: STOPS + 1 }, (_, stop) => stop / STOPS).map((place) => (
          <stop key={place} offset={place} stopColor={hexAt(place)} />
        ))}
      </linearGradient>
      <rect x={x} y={y} width={width} height={height} fill="url(#colour-bar)" stroke="#b9bdc2" strokeWidth={0.75} />
      {(height < LOWEST_TICKED ? [0, 1] : TICKS).map((place) => (
        <text
          key={place}
          x={x + width + 6}
          y={Math.round((y + height * (1 - place) + 3.5) * 10) / 10}
          fontSize={10}
          fill={muted}
        >
          {low + (high - low) * place}
        </text>
      ))}
      <text x={titleX} y={centre} textAnchor="middle" fill={muted} transform={`rotate(-90 ${titleX} ${centre})`}>
        {title}
      </text>
    </g>
  );
}
