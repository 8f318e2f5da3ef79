// `moescope export`: a run's steps as files for other programs.
import { existsSync, readdirSync } from "node:fs";
import type { Client, LayerChoice, SplitName } from "@moescope/dashboard/api";
import type { v1 } from "@moescope/proto";
import { type Command, Option } from "commander";
import { layerList, wholeNumber } from "../arguments.ts";
import { exportTables } from "../exchange/export-tables.ts";
import { checkMatrixPath, exportLoadMatrix } from "../exchange/load-matrix.ts";
import { type Selection, splits } from "../exchange/step-pages.ts";
import { exportEvents } from "../exchange/tensorboard/export-events.ts";
import { WrongUse } from "../failure.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { print } from "../terminal/lines.ts";

interface ExportFormat {
  /** @throws WrongUse when nothing can be written there */
  check(out: string): void;
  write(client: Client, selection: Selection, out: string): Promise<string[]>;
}

const formats: Record<string, ExportFormat> = {
  parquet: tables("parquet"),
  jsonl: tables("jsonl"),
  csv: tables("csv"),
  tensorboard: { check: checkNewFolder, write: exportEvents },
  eplb: { check: checkMatrixPath, write: exportLoadMatrix },
};

interface ExportOptions extends ReadOptions {
  format: string;
  out: string;
  split?: SplitName;
  from?: number;
  to?: number;
  layers?: number[];
  attempt?: number;
}

export function define(program: Command): void {
  addReadOptions(program.command("export").summary("write a run to files that other programs read"))
    .description(
      "Writes every step of a run as tables in long form (Parquet, JSON Lines, CSV) or as TensorBoard event files, or its load added up as the [layers, experts] matrix that expert placement (EPLB) reads.",
    )
    .argument("<run>", "its id, or the beginning of it")
    .addOption(new Option("--format <name>", "form of the files").choices(Object.keys(formats)).makeOptionMandatory())
    .requiredOption("--out <path>", "a new folder; for eplb a file that ends in .json or .npy")
    .addOption(new Option("--split <name>", "steps of this split (default: all; for eplb train)").choices(splits))
    .option("--from <step>", "first step (default: that of the run)", wholeNumber(0))
    .option("--to <step>", "last step (default: the newest)", wholeNumber(0))
    .option("--layers <numbers>", "MoE layers, as in 0,3 (default: all)", layerList)
    .option("--attempt <number>", "an attempt of a resumed run (default: at every step the newest)", wholeNumber(0))
    .action(exportRun);
}

async function exportRun(wanted: string, options: ExportOptions): Promise<void> {
  const format = formats[options.format]!;
  format.check(options.out);
  const paths = await withRuns(options, async (client) => {
    const { run, attempts } = findRun(await allRuns(client), wanted);
    refuseUnknownLayers(run, options);
    if (options.format !== "eplb") refuseSums(attempts, options);
    return format.write(client, { ...options, run, splits: splitsOf(options), layers: layersOf(options) }, options.out);
  });
  for (const path of paths) print(path);
}

function refuseUnknownLayers({ id, moeLayers }: v1.RunDescription, { layers = [] }: ExportOptions): void {
  const unknown = layers.find((layer) => !moeLayers.includes(layer));
  if (unknown === undefined) return;
  throw new WrongUse(`--layers ${unknown}: the MoE layers of run ${id} are ${moeLayers.join(", ")}`);
}

/** Files of single steps cannot hold what is stored as sums of steps alone. */
function refuseSums(attempts: readonly v1.Attempt.$Properties[], { from = 0, split, attempt }: ExportOptions): void {
  if (split !== undefined && split !== "train") return;
  const shown = attempts.filter((each) => attempt === undefined || each.attempt === attempt);
  const singleFrom = Math.max(0, ...shown.map((each) => each.singleFrom ?? 0));
  if (from >= singleFrom) return;
  throw new WrongUse(
    `--from ${from}: training steps before ${singleFrom} are stored as sums alone; --from ${singleFrom} exports the rest, --format eplb their sum`,
  );
}

function splitsOf({ split, format }: ExportOptions): readonly SplitName[] {
  if (split !== undefined) return [split];
  return format === "eplb" ? ["train"] : splits;
}

function layersOf({ layers }: ExportOptions): LayerChoice {
  return layers ?? "all";
}

function tables(format: "parquet" | "jsonl" | "csv"): ExportFormat {
  return { check: checkNewFolder, write: (client, selection, out) => exportTables(client, selection, format, out) };
}

function checkNewFolder(out: string): void {
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new WrongUse(`--out ${out} is not empty; choose a new folder`);
}
