// `moescope delete`: a run is gone for good.
import type { Command } from "commander";
import { WrongUse } from "../failure.ts";
import { allRuns } from "../reading/find-run.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { print } from "../terminal/lines.ts";

export function define(program: Command): void {
  addReadOptions(program.command("delete").summary("delete a stored run for good"))
    .description("Deletes everything that is stored of a run that nobody reports; its checkpoints stay.")
    .argument("<run>", "its whole id")
    .action(deleteRun);
}

async function deleteRun(run: string, options: ReadOptions): Promise<void> {
  await withRuns(options, async (client) => {
    // The beginning of an id is not enough here: it may be another's tomorrow.
    const known = (await allRuns(client)).some((stored) => stored.run.id === run);
    if (!known) throw new WrongUse(`There is no run with the id "${run}"; \`moescope runs\` lists all`);
    await client.delete(run);
  });
  print(run);
}
