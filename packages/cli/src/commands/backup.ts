// `moescope backup`: everything that was sent of a run, as one file.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { writeBackup } from "../exchange/backup-file.ts";
import { WrongUse } from "../failure.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { note, print } from "../terminal/lines.ts";

export function define(program: Command): void {
  addReadOptions(program.command("backup").summary("write a run to one file, to be restored anywhere"))
    .description(
      "Reads a run back from its collector, message by message as its ranks sent them, and keeps it compressed in one file. A run that is training is kept as far as it has got.",
    )
    .argument("<run>", "its id, or the beginning of it")
    .requiredOption("--out <file>", "a new file, as in run.moescope.gz")
    .action(backup);
}

async function backup(wanted: string, { out, ...options }: ReadOptions & { out: string }): Promise<void> {
  if (existsSync(out)) throw new WrongUse(`--out ${out} exists; choose a new file`);
  await mkdir(dirname(out), { recursive: true });
  await withRuns(options, async (client) => {
    const { run, attempts } = findRun(await allRuns(client), wanted);
    for (const { attempt, singleFrom } of attempts.filter(({ singleFrom }) => singleFrom > 0)) {
      note(
        `Steps of attempt ${attempt} before ${singleFrom} are stored as sums alone: the backup has their scalars, not their histograms`,
      );
    }
    await writeBackup(await client.messages(run.id), out);
  });
  print(out);
}
