// `moescope demo`: the same model trained with two strategies, live on the dashboard, then compared.
import { resolve } from "node:path";
import { createClient } from "@moescope/dashboard/api";
import type { Collector } from "@moescope/telemetry";
import { type Command, Option } from "commander";
import { port } from "../arguments.ts";
import { listening, openCollector, type Ports } from "../collecting/open-collector.ts";
import { measureRun } from "../comparing/measure-run.ts";
import { runTable } from "../comparing/tables.ts";
import { writeFigure } from "../figures/figure-file.ts";
import { relativeLoad } from "../figures/relative-load.ts";
import { aborted, interruptible } from "../interruption.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { attended, listed, note, print, printJson } from "../terminal/lines.ts";
import { formatConfiguration } from "../training/configuration.ts";
import { refuseUnfinished } from "../training/ending.ts";
import type { TrainingOrder } from "../training/messages.ts";
import { prepareBackend } from "../training/prepare-backend.ts";
import { codeVersion, newRunId } from "../training/run-identity.ts";
import { addRunOptions, dataOf, type RunOptions, recipeOf } from "../training/run-options.ts";
import { trainVisibly } from "../training/train-visibly.ts";

interface DemoOptions extends RunOptions, Ports {
  keep?: boolean;
  quick?: boolean;
  /** Whether the recipe is the person's own choice. */
  recipeGiven: boolean;
  dataDir: string;
  json?: boolean;
}

const strategies = ["auxiliary-loss", "loss-free-bias"];

export function define(program: Command): void {
  addRunOptions(program.command("demo").summary("train a model twice and compare, live on a dashboard"))
    .description(
      "Starts a collector and its dashboard, trains one model from one seed with an auxiliary loss, then loss-free, and compares.",
    )
    .addOption(new Option("--quick", "a fifth of the steps: --recipe quick").implies({ recipe: "quick" }))
    .option("--keep", "on a terminal: leave the dashboard running at the end, until Ctrl-C")
    .option("--data-dir <dir>", "holds everything the demo leaves", defaultDataDirectory)
    .option("--http <port>", "port of the dashboard (default: 4680, or the next free one)", port)
    .option("--grpc <port>", "port that the runs report to (default: 4681, or the next free one)", port)
    .option("--json", "print the comparison as JSON")
    .action((options: DemoOptions, command: Command) => {
      const recipeGiven = command.getOptionValueSource("recipe") === "cli";
      return interruptible((signal) => demo({ ...options, recipeGiven }, signal));
    });
}

async function demo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  // Whatever is wrong with the options is said before anything starts.
  ordersOf(options);
  const fallbackKnown = await prepareBackend(options.backend, signal);
  const orders = ordersOf(forBackend(options, fallbackKnown));
  const { dataDir } = options;
  const collector = await openCollector({ dataDirectory: dataDir, logLevel: "error", ...listening(options) });
  try {
    for (const notice of collector.notices) note(notice);
    note([`Dashboard  http://${collector.httpAddress}`, "", ...formatConfiguration(orders[0]!.recipe)]);
    const reporting = { address: collector.grpcAddress, access: {}, spoolDirectory: resolve(dataDir, "spool") };
    for (const [place, order] of orders.entries()) {
      note(["", `Run ${order.identity.id}`]);
      const known = fallbackKnown || place > 0;
      refuseUnfinished(await trainVisibly({ ...order, collector: reporting }, known, signal));
    }
    const ids = orders.map(({ identity }) => identity.id);
    await conclude(collector, ids, options);
    if (options.keep && attended()) await keepOpen(collector, signal);
  } finally {
    await collector.stop();
    if (signal.aborted) note(`Stopped. What was acknowledged is in ${resolve(dataDir)}`);
  }
}

/** Steps of `--quick` where native TensorFlow is missing. */
const fewSteps = 100;

/** Without native TensorFlow the demo's own model would take hours: a smaller one shows the same, unless the person chose another. */
function forBackend(options: DemoOptions, fallback: boolean): DemoOptions {
  const slow = fallback || (options.backend !== undefined && options.backend !== "tensorflow");
  if (!slow || options.recipeGiven) return options;
  note("Without native TensorFlow the demo trains a smaller model: --recipe light");
  return { ...options, recipe: "light", steps: options.steps ?? (options.quick ? fewSteps : undefined) };
}

/** One for each strategy, alike in everything else. */
function ordersOf(options: DemoOptions): TrainingOrder[] {
  const data = dataOf(options);
  return strategies.map((strategy) => {
    const recipe = recipeOf(options, strategy);
    const id = newRunId(recipe);
    const identity = { id, name: id, tags: ["demo"], codeVersion: codeVersion() };
    return { recipe, ...data, backend: options.backend, identity };
  });
}

/** What the runs came to, from what the collector has stored of them. */
async function conclude(collector: Collector, ids: readonly string[], { dataDir, json }: DemoOptions): Promise<void> {
  const client = createClient(`http://${collector.httpAddress}`);
  const stored = await allRuns(client);
  const runs = ids.map((id) => findRun(stored, id));
  const compared = [];
  for (const summary of runs) {
    const { id: run, strategy } = summary.run;
    compared.push({ run, strategy, ...(await measureRun(client, summary)).measures });
  }
  const figure = await relativeLoad(client, { runs });
  const files = [".svg", ".png", ".csv"].map((ending) => resolve(dataDir, "figures", `relative-load${ending}`));
  for (const file of files) await writeFigure(figure, file);
  if (json) printJson({ runs: compared, figures: files, data: dataDir });
  else print(["", ...runTable(compared), "", ...whereItLies(ids, files, dataDir)]);
}

function whereItLies(ids: readonly string[], files: readonly string[], dataDir: string): string[] {
  return [
    ...listed("Runs", ids),
    ...listed("Figure", files),
    `Data       ${resolve(dataDir)}`,
    `Dashboard  npx moescope collect --data ${resolve(dataDir)}`,
  ];
}

async function keepOpen(collector: Collector, signal: AbortSignal): Promise<void> {
  note(["", `The dashboard stays open at http://${collector.httpAddress} until Ctrl-C.`]);
  await aborted(signal);
}
