// A colour bar with its ticks, and in words what it counts.
import type { ReactNode } from "react";
import type { Rgb } from "../theme/diverging.ts";
import "./colour-scale.css";

const STEPS = 48;
const WIDTH = 192;

interface ColourScaleProps {
  /** For those who do not see it. */
  label: string;
  /** Colour at a place from 0 to 1. */
  colour: (place: number) => Rgb;
  /** Evenly spaced, from one end of the bar to the other. */
  ticks: readonly string[];
  /** What the colours count. */
  words: string;
  /** What else a cell can have. */
  children?: ReactNode;
}

export function ColourScale({ label, colour, ticks, words, children }: ColourScaleProps) {
  const step = WIDTH / STEPS;
  const places = Array.from({ length: STEPS }, (_, index) => (index + 0.5) / STEPS);
  return (
    <div className="colour-scale">
      <svg width={WIDTH + 32} height={30} role="img" aria-label={label}>
        <g transform="translate(16 2)">
          {places.map((place, index) => (
            <rect
              key={place}
              x={index * step}
              width={step + 0.4}
              height={10}
              fill={`rgb(${colour(place).join(" ")})`}
            />
          ))}
          {ticks.map((tick, index) => (
            <text key={tick} x={(index / (ticks.length - 1)) * WIDTH} y={24} textAnchor="middle">
              {tick}
            </text>
          ))}
        </g>
      </svg>
      <span data-export="text">{words}</span>
      {children}
    </div>
  );
}
