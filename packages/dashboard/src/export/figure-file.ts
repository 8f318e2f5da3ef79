// A figure on screen as the file that `moescope figure` writes.
import { xmlFile } from "../format/xml-file.ts";

/** @returns the file's content, without what belongs to the screen alone (`data-export="no"`) */
export function figureToSvg(figure: SVGElement): string {
  const copy = figure.cloneNode(true) as SVGElement;
  for (const left of copy.querySelectorAll('[data-export="no"]')) left.remove();
  return xmlFile(new XMLSerializer().serializeToString(copy));
}
