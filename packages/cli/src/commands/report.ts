// `moescope report`: a stored run as one HTML file that needs nothing else.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { buildReport } from "@moescope/dashboard/report";
import type { Command } from "commander";
import { layerList, wholeNumber } from "../arguments.ts";
import { WrongUse } from "../failure.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { print } from "../terminal/lines.ts";

interface ReportOptions extends ReadOptions {
  layers?: number[];
  from?: number;
  to?: number;
  out: string;
}

export function define(program: Command): void {
  addReadOptions(program.command("report").summary("write a run as one HTML file"))
    .description(
      "Writes what is stored of a run as one HTML file: facts, figures with their data, alerts, configuration. It needs no network and no script.",
    )
    .argument("<run>", "its id, or the beginning of it")
    .option(
      "--layers <numbers>",
      "layers of the figures, as in 0,3 (default: the first, the middle and the last)",
      layerList,
    )
    .option(
      "--from <step>",
      "first step that categories are added up from (default: that of the last tenth)",
      wholeNumber(0),
    )
    .option("--to <step>", "last step to add up (default: the newest); of probes, the newest up to it", wholeNumber(0))
    .requiredOption("--out <file>", "where to write it: .html")
    .action(writeReport);
}

async function writeReport(wanted: string, options: ReportOptions): Promise<void> {
  const { out } = options;
  if (extname(out).toLowerCase() !== ".html") throw new WrongUse(`--out ${out}: allowed are names that end in .html`);
  const html = await withRuns(options, async (client) => {
    const { run } = findRun(await allRuns(client), wanted);
    return buildReport(client, run.id, options).catch(refuseChoice);
  });
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, html);
  print(out);
}

/** Layers that the run does not have are the caller's choice. */
function refuseChoice(error: unknown): never {
  if (error instanceof RangeError) throw new WrongUse(error.message, { cause: error });
  throw error;
}
