// Stored runs as a table, a line each.
import { localMoment } from "../terminal/moments.ts";
import { decimal } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import type { StoredRun } from "./find-run.ts";
import { stateName } from "./run-states.ts";

/** @returns its lines */
export function runList(runs: readonly StoredRun[]): string[] {
  const anyNamed = runs.some((run) => named.value(run) !== "");
  const shown = columns.filter((column) => column !== named || anyNamed);
  return formatTable(runs, shown);
}

/** Names that people gave; those that runs gave themselves are in their ids. */
const named: Column<StoredRun> = { title: "name", value: ({ annotation }) => annotation?.name ?? "" };

const columns: Column<StoredRun>[] = [
  { title: "run", value: ({ run }) => run.id },
  named,
  { title: "state", value: ({ state }) => stateName(state) },
  { title: "started", value: ({ run }) => localMoment(run.startedAt) },
  { title: "steps", value: stepsOf, right: true },
  { title: "loss", value: ({ loss }) => decimal(loss, 4), right: true },
  { title: "validation", value: (run) => decimal(run.validationLoss, 4), right: true },
  { title: "MaxVio", value: ({ maxViolation }) => decimal(maxViolation, 3), right: true },
];

function stepsOf({ steps, run: { plannedSteps } }: StoredRun): string {
  return plannedSteps > 0 ? `${steps}/${plannedSteps}` : String(steps);
}
