// Figures as files. Kept apart from the drawings, so that the browser does not load a second renderer.
import { createElement, type ReactElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { xmlFile } from "../format/xml-file.ts";
import { BalanceOverStepsFigure } from "./balance-over-steps.tsx";
import type { BalanceOverStepsModel } from "./balance-over-steps-model.ts";
import { BarPanelsFigure } from "./bar-panels.tsx";
import type { BarPanelsModel } from "./bar-panels-model.ts";
import { LossAgainstBalanceFigure } from "./loss-against-balance.tsx";
import type { LossAgainstBalanceModel } from "./loss-against-balance-model.ts";
import { RelativeLoadFigure } from "./relative-load.tsx";
import type { RelativeLoadModel } from "./relative-load-model.ts";

/** @returns a standalone SVG file: title, axes, colour bar, caption, white background; the same bytes for the same model */
export function renderRelativeLoad(model: RelativeLoadModel): string {
  return standalone(createElement(RelativeLoadFigure, { model }));
}

/** @returns a standalone SVG file, as `renderRelativeLoad` */
export function renderLossAgainstBalance(model: LossAgainstBalanceModel): string {
  return standalone(createElement(LossAgainstBalanceFigure, { model }));
}

/** @returns a standalone SVG file, as `renderRelativeLoad` */
export function renderBalanceOverSteps(model: BalanceOverStepsModel): string {
  return standalone(createElement(BalanceOverStepsFigure, { model }));
}

/** @returns a standalone SVG file, as `renderRelativeLoad` */
export function renderBarPanels(model: BarPanelsModel): string {
  return standalone(createElement(BarPanelsFigure, { model }));
}

function standalone(figure: ReactElement): string {
  return xmlFile(renderToStaticMarkup(figure));
}
