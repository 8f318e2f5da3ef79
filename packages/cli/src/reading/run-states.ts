// A run's state in a word.
import { v1 } from "@moescope/proto";

export function stateName(state: v1.RunSummary.State): string {
  return v1.RunSummary.State[state]?.toLowerCase() ?? "unknown";
}
