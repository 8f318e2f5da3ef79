// `moescope train`: one run, in a process of its own, reported to a collector.
import { join, resolve } from "node:path";
import { findCollector } from "@moescope/telemetry";
import type { Recipe } from "@moescope/trainer";
import type { Command } from "commander";
import { address, repeated } from "../arguments.ts";
import { interruptible } from "../interruption.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { note, printJson } from "../terminal/lines.ts";
import { formatConfiguration } from "../training/configuration.ts";
import { refuseUnfinished } from "../training/ending.ts";
import type { TrainingOrder } from "../training/messages.ts";
import { prepareBackend } from "../training/prepare-backend.ts";
import { codeVersion, newRunId } from "../training/run-identity.ts";
import { addRunOptions, dataOf, type RunOptions, recipeOf } from "../training/run-options.ts";
import { trainVisibly } from "../training/train-visibly.ts";

interface TrainOptions extends RunOptions {
  strategy: string;
  name?: string;
  tag?: string[];
  /** Absent: the default one. False: none. */
  collector?: string | false;
  spool: string;
  json?: boolean;
}

const defaultCollector = "127.0.0.1:4681";

export function define(program: Command): void {
  addRunOptions(program.command("train").summary("train one run"))
    .description("Trains one run and reports every step to a collector.")
    .option("--strategy <name>", "how expert load is balanced", "loss-free-bias")
    .option("--name <text>", "name of the run on screen; its id when absent")
    .option("--tag <text>", "a word to find the run by; may be repeated", repeated)
    .option(
      "--collector <host:port>",
      `where steps are reported; the collector that runs on ${defaultDataDirectory}, else ${defaultCollector}, when absent`,
      address,
    )
    .option("--no-collector", "report nothing")
    .option("--spool <dir>", "holds what no collector has acknowledged", join(defaultDataDirectory, "spool"))
    .option("--json", "print the result as JSON")
    .action((options: TrainOptions) => interruptible((signal) => trainOne(options, signal)));
}

async function trainOne(options: TrainOptions, signal: AbortSignal): Promise<void> {
  const recipe = recipeOf(options, options.strategy);
  const order = await orderOf(options, recipe);
  const fallbackKnown = await prepareBackend(options.backend, signal);
  note(`Run ${order.identity.id}\n${formatConfiguration(recipe)}`);
  note(order.collector ? `Reporting to ${order.collector.address}` : "Reporting to nobody (--no-collector)");
  const { kind: _, ...result } = await trainVisibly(order, fallbackKnown, signal);
  if (options.json) printJson({ run: order.identity.id, ...result });
  refuseUnfinished(result);
}

async function orderOf(options: TrainOptions, recipe: Recipe): Promise<TrainingOrder> {
  const id = newRunId(recipe);
  const { name = id, tag: tags, backend } = options;
  const address = options.collector === false ? undefined : (options.collector ?? (await nearestCollector()));
  const collector = address === undefined ? undefined : { address, spoolDirectory: resolve(options.spool) };
  return { recipe, ...dataOf(options), backend, collector, identity: { id, name, tags, codeVersion: codeVersion() } };
}

async function nearestCollector(): Promise<string> {
  return (await findCollector(defaultDataDirectory))?.grpcAddress ?? defaultCollector;
}
