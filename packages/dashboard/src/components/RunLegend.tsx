// Which colour is which run, under a chart.
import type { ChosenRun } from "../data/chosen-runs.ts";
import { Legend } from "./Legend.tsx";

export function RunLegend({ runs, note }: { runs: readonly ChosenRun[]; note?: string }) {
  const items = runs.map(({ id, label, colour }) => ({ id, label, colour: `var(--run-${colour})` }));
  return <Legend items={items} {...(note !== undefined && { note })} />;
}
