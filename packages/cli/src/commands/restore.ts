// `moescope restore`: a backup becomes a stored run again.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type AccessOptions, accessOf, addAccessOptions } from "../access/access-options.ts";
import { address } from "../arguments.ts";
import { withTarget } from "../collecting/with-collector.ts";
import { readBackup } from "../exchange/backup-file.ts";
import { restoreRun } from "../exchange/restore-run.ts";
import { WrongUse } from "../failure.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { note, print, printJson } from "../terminal/lines.ts";
import { whole } from "../terminal/numbers.ts";

interface RestoreOptions extends AccessOptions {
  data: string;
  collector?: string;
  json?: boolean;
}

export function define(program: Command): void {
  addAccessOptions(program.command("restore").summary("store the run of a backup"))
    .description(
      "Sends the messages of a backup to a collector, as their ranks once did. What it holds already is not stored twice, so a restore that broke off can be repeated.",
    )
    .argument("<file>", "what `backup` wrote")
    .option(
      "--data <dir>",
      "directory of a collector, running or not; is made when it does not exist",
      defaultDataDirectory,
    )
    .option("--collector <host:port>", "gRPC address of a running collector; instead of --data", address)
    .option("--json", "print the result as JSON")
    .action(restore);
}

async function restore(file: string, { data, collector, json, ...options }: RestoreOptions): Promise<void> {
  if (!existsSync(file)) throw new WrongUse(`${file} does not exist`);
  const restored = await withTarget({ collector, data }, accessOf(options), (target) =>
    restoreRun(target, readBackup(file)),
  );
  if (restored.heldBefore > 0) {
    note(`${whole(restored.heldBefore)} of ${whole(restored.messages)} messages were stored already`);
  }
  if (json) printJson(restored);
  else print(restored.run);
}
