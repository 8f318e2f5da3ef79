// SVG to PNG, without a browser.
import { Resvg } from "@resvg/resvg-js";

export interface Raster {
  png: Uint8Array;
  /** False when this machine has no font to write the text with. */
  textDrawn: boolean;
}

/** Pixels of the PNG for one unit of the SVG: sharp on paper and on dense screens. */
const scale = 2;

export function rasterise(svg: string): Raster {
  return { png: new Resvg(svg, { fitTo: { mode: "zoom", value: scale } }).render().asPng(), textDrawn: hasFonts() };
}

/** Text without a font draws nothing, and nothing has no bounds. */
function hasFonts(): boolean {
  const probe = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="8" font-family="sans-serif">a</text></svg>`;
  return new Resvg(probe).getBBox() !== undefined;
}
