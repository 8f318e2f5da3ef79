// `moescope runs`: what is stored, the newest run first.
import { v1 } from "@moescope/proto";
import type { Command } from "commander";
import { allRuns, type StoredRun } from "../reading/find-run.ts";
import { asJson } from "../reading/json.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { stateName } from "../reading/run-states.ts";
import { print, printJson } from "../terminal/lines.ts";
import { decimal } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";

export function define(program: Command): void {
  addReadOptions(program.command("runs").summary("list stored runs"))
    .description("Lists the runs of a collector, the newest first.")
    .option("--json", "print them as JSON")
    .action(listRuns);
}

async function listRuns(options: ReadOptions & { json?: boolean }): Promise<void> {
  const runs = await withRuns(options, allRuns);
  if (options.json) printJson(asJson(v1.RunList, v1.RunList.fromObject({ runs })));
  else if (runs.length === 0) print("No run is stored here yet.");
  else print(formatTable(runs, columnsOf(runs)));
}

function columnsOf(runs: readonly StoredRun[]): Column<StoredRun>[] {
  const anyNamed = runs.some((run) => named.value(run) !== "");
  return columns.filter((column) => column !== named || anyNamed);
}

/** Names that people gave; those that runs gave themselves are in their ids. */
const named: Column<StoredRun> = { title: "name", value: ({ annotation }) => annotation?.name ?? "" };

const columns: Column<StoredRun>[] = [
  { title: "run", value: ({ run }) => run.id },
  named,
  { title: "state", value: ({ state }) => stateName(state) },
  { title: "started", value: ({ run }) => localTime(run.startedAt) },
  { title: "steps", value: stepsOf, right: true },
  { title: "loss", value: ({ loss }) => decimal(loss, 4), right: true },
  { title: "validation", value: (run) => decimal(run.validationLoss, 4), right: true },
  { title: "MaxVio", value: ({ maxViolation }) => decimal(maxViolation, 3), right: true },
];

function stepsOf({ steps, run: { plannedSteps } }: StoredRun): string {
  return plannedSteps > 0 ? `${steps}/${plannedSteps}` : String(steps);
}

/** As in 2026-11-21 10:42. */
function localTime(milliseconds: number): string {
  return new Date(milliseconds).toLocaleString("sv-SE").slice(0, 16);
}
