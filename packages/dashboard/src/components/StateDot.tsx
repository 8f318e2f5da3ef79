// The state of a run: a dot and a word, never colour alone.
import type { RunState } from "../data/run-state.ts";

export function StateDot({ state }: { state: RunState }) {
  return (
    <span className={`state ${state}`}>
      <i aria-hidden="true" />
      {state}
    </span>
  );
}
