// Which colour is which run, under a chart.
import type { ChosenRun } from "../data/chosen-runs.ts";

export function RunLegend({ runs, note = "" }: { runs: readonly ChosenRun[]; note?: string }) {
  return (
    <ul className="legend">
      {runs.map(({ id, label, colour }) => (
        <li key={id}>
          <span className="chip" style={{ background: `var(--run-${colour})` }} />
          <span data-export="text">{label}</span>
        </li>
      ))}
      {note !== "" && (
        <li className="legend-note">
          <span data-export="text">{note}</span>
        </li>
      )}
    </ul>
  );
}
