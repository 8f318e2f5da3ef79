// All views. A new one is a folder here, its name in `address/address.ts`, and its line in this table.
import { type ComponentType, lazy } from "react";
import type { ViewName } from "../address/address.ts";
import { NotLoaded } from "../components/Broken.tsx";
import { Overview } from "./overview/Overview.tsx";
import type { ViewProps } from "./view-props.ts";

export interface View {
  /** On its tab. */
  title: string;
  Component: ComponentType<ViewProps>;
  /** Whether the step cursor applies to it. */
  steps: boolean;
  /** Whether it can show evaluations and probes instead of training. */
  splits: boolean;
  /** Whether it has line charts: x axis, y axis, smoothing and zoom then apply. */
  lines: boolean;
  /** Whether it draws the counts of the address's layer over the steps. */
  counts: boolean;
  /** Fetches its code, for whoever knows that it will be opened. */
  prepare: () => void;
}

/** Views with charts come when they are opened: the first look needs none. */
export const VIEW: Readonly<Record<ViewName, View>> = {
  overview: {
    title: "Overview",
    Component: Overview,
    steps: false,
    splits: false,
    lines: false,
    counts: false,
    prepare: () => {},
  },
  balance: view("Balance", () => import("./balance/Balance.tsx"), { lines: true }),
  experts: view("Experts", () => import("./experts/Experts.tsx"), { lines: true, counts: true }),
  layers: view("Layers", () => import("./layers/Layers.tsx")),
  categories: view("Categories", () => import("./categories/Categories.tsx"), { lines: true }),
  attention: view("Attention", () => import("./attention/Attention.tsx"), { splits: false, lines: true }),
  compare: view("Compare", () => import("./compare/Compare.tsx"), { lines: true }),
  "what-if": view("What if", () => import("./what-if/WhatIf.tsx"), { lines: true }),
  alerts: view("Alerts", () => import("./alerts/Alerts.tsx"), { splits: false }),
};

function view(
  title: string,
  load: () => Promise<{ default: ComponentType<ViewProps> }>,
  { splits = true, lines = false, counts = false } = {},
): View {
  const Component = lazy(() =>
    load().catch((error: unknown) => {
      throw new NotLoaded(`${title} could not be loaded: ${error instanceof Error ? error.message : error}`);
    }),
  );
  // What fails here fails again, and is told, when the view is opened.
  const prepare = () => void load().catch(() => {});
  return { title, Component, steps: true, splits, lines, counts, prepare };
}
