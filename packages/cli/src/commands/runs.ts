// `moescope runs`: what is stored, the newest run first.
import { v1 } from "@moescope/proto";
import type { Command } from "commander";
import { allRuns } from "../reading/find-run.ts";
import { asJson } from "../reading/json.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { runList } from "../reading/run-list.ts";
import { print, printJson } from "../terminal/lines.ts";

export function define(program: Command): void {
  addReadOptions(program.command("runs").summary("list stored runs"))
    .description("Lists the runs of a collector, the newest first.")
    .option("--json", "print them as JSON")
    .action(listRuns);
}

async function listRuns(options: ReadOptions & { json?: boolean }): Promise<void> {
  const runs = await withRuns(options, allRuns);
  if (options.json) printJson(asJson(v1.RunList, v1.RunList.fromObject({ runs })));
  else print(runs.length === 0 ? "No run is stored here yet." : runList(runs));
}
