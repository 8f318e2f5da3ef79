// Colours of an amount from 0 to 1, a score or a share of the most: from the surface to what stands out, in either theme.
import { interpolateInferno, interpolateYlOrRd } from "d3-scale-chromatic";
import type { Theme } from "../address/address.ts";
import type { Rgb } from "./diverging.ts";

const ENTRIES = 128;

const tables: Record<Theme, readonly Rgb[]> = {
  light: Array.from({ length: ENTRIES }, (_, entry) => parse(interpolateYlOrRd(entry / (ENTRIES - 1)))),
  // Not from black: a cell of nothing must differ from no cell.
  dark: Array.from({ length: ENTRIES }, (_, entry) => parse(interpolateInferno(0.12 + (0.8 * entry) / (ENTRIES - 1)))),
};

/** @param share 0..1, not NaN; beyond is clipped */
export function sequentialColour(share: number, theme: Theme): Rgb {
  return tables[theme][Math.round(Math.min(1, Math.max(0, share)) * (ENTRIES - 1))]!;
}

/** d3 gives "rgb(1, 2, 3)" or "#010203". */
function parse(colour: string): Rgb {
  const numbers = colour.startsWith("#")
    ? [1, 3, 5].map((place) => Number.parseInt(colour.slice(place, place + 2), 16))
    : colour.match(/\d+/g)!.map(Number);
  return [numbers[0]!, numbers[1]!, numbers[2]!];
}
