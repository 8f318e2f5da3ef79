// How the arms of a comparison are told apart: by colour, and by shape or dashes where colours look alike or are not printed.
import type { ReactElement } from "react";

/** Okabe-Ito without yellow and black, darkened for white paper: those of the dashboard's runs. */
const COLOURS = ["#0072b2", "#d55e00", "#00885f", "#b0568c", "#bd7f00", "#3294cf"];

/** Outlines around the origin, of about the same area. */
const SHAPES = [
  "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z",
  "M-3.2 -3.2h6.4v6.4h-6.4z",
  "M0 -4.6l4.4 7.6h-8.8z",
  "M0 -4.6l4.6 4.6l-4.6 4.6l-4.6 -4.6z",
  "M0 4.6l4.4 -7.6h-8.8z",
];

const DASHES = [undefined, "7 3", "2 2.5", "8 3 2 3"];

export interface ArmLook {
  colour: string;
  /** SVG path around the origin. */
  shape: string;
  /** Undefined for a solid line. */
  dashes: string | undefined;
}

/** @param place index of the arm; looks repeat after 30 */
export function armLook(place: number): ArmLook {
  return {
    colour: COLOURS[place % COLOURS.length]!,
    shape: SHAPES[place % SHAPES.length]!,
    dashes: DASHES[place % DASHES.length],
  };
}

export function ArmPoint({ look, x, y }: { look: ArmLook; x: number; y: number }): ReactElement {
  return <path d={look.shape} transform={`translate(${x} ${y})`} fill={look.colour} fillOpacity={0.75} />;
}

export function ArmLine({ look, d }: { look: ArmLook; d: string }): ReactElement {
  return <path d={d} fill="none" stroke={look.colour} strokeWidth={1.75} strokeDasharray={look.dashes} />;
}
