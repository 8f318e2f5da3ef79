// Diverging colours on screen: blue gets less, red gets more. Relative load is on a log2 scale around 1.
import { interpolateRdBu } from "d3-scale-chromatic";
import type { Theme } from "../address/address.ts";

/** Ends of the scale, in factors of two: from a quarter of the fair share to four times it. Beyond is clipped. */
export const LOAD_DOUBLINGS = 2;

const ENTRIES = 256;
export type Rgb = readonly [red: number, green: number, blue: number];

/** On a dark surface the middle is dark, so that what stands out is what is out of balance. */
const DARK_STOPS: readonly Rgb[] = [
  [134, 196, 238],
  [62, 142, 198],
  [35, 88, 126],
  [33, 38, 43],
  [122, 56, 38],
  [222, 110, 66],
  [255, 184, 136],
];

const tables: Record<Theme, readonly Rgb[]> = {
  light: Array.from({ length: ENTRIES }, (_, entry) => parseRgb(interpolateRdBu(1 - entry / (ENTRIES - 1)))),
  dark: Array.from({ length: ENTRIES }, (_, entry) => between(DARK_STOPS, entry / (ENTRIES - 1))),
};

/** @param relative n_e / mean(n), not NaN */
export function loadColour(relative: number, theme: Theme): Rgb {
  return divergingColour((Math.log2(relative) / LOAD_DOUBLINGS + 1) / 2, theme);
}

/** @param place 0..1, not NaN, with the middle at 0.5; beyond is clipped */
export function divergingColour(place: number, theme: Theme): Rgb {
  return tables[theme][Math.round(Math.min(1, Math.max(0, place)) * (ENTRIES - 1))]!;
}

function parseRgb(text: string): Rgb {
  const [red, green, blue] = text.match(/\d+/g)!.map(Number);
  return [red!, green!, blue!];
}

function between(stops: readonly Rgb[], place: number): Rgb {
  const position = place * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(position));
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(stops[below]![channel] + (stops[below + 1]![channel] - stops[below]![channel]) * (position - below));
  return [mix(0), mix(1), mix(2)];
}
