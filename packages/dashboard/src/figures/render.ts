// Figures as files. Kept apart from the drawings, so that the browser does not load a second renderer.
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { RelativeLoadFigure } from "./relative-load.tsx";
import type { RelativeLoadModel } from "./relative-load-model.ts";

/** @returns a standalone SVG file: title, axes, colour bar, caption, white background; the same bytes for the same model */
export function renderRelativeLoad(model: RelativeLoadModel): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${renderToStaticMarkup(createElement(RelativeLoadFigure, { model }))}\n`;
}
