// Which run a pane shows.
import type { ChosenRun } from "../data/chosen-runs.ts";

export function PaneTitle({ run, detail }: { run: ChosenRun; detail?: string | undefined }) {
  return (
    <h3 className="pane-title">
      <span className="chip" style={{ background: `var(--run-${run.colour})` }} />
      <span data-export="text">{run.label}</span>
      {detail !== undefined && <small data-export="text">{detail}</small>}
    </h3>
  );
}
