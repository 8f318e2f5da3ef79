// `moescope train`: one run, in a process of its own, reported to a collector.
import { join, resolve } from "node:path";
import { findCollector } from "@moescope/telemetry";
import { fitToData, openCorpus, recipeIn } from "@moescope/trainer";
import type { Command } from "commander";
import { type AccessOptions, accessOf, addAccessOptions } from "../access/access-options.ts";
import { address, repeated, wholeNumber } from "../arguments.ts";
import { overTls } from "../collecting/with-collector.ts";
import { interruptible } from "../interruption.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { note, printJson } from "../terminal/lines.ts";
import { formatConfiguration } from "../training/configuration.ts";
import { refuseUnfinished } from "../training/ending.ts";
import type { TrainingOrder } from "../training/messages.ts";
import { prepareBackend } from "../training/prepare-backend.ts";
import { addRunOptions } from "../training/run-options.ts";
import { backendOf, orderOf } from "../training/run-order.ts";
import { defaultCheckpoints, type PlanOptions, planRun, type RunPlan } from "../training/run-plan.ts";
import { trainVisibly } from "../training/train-visibly.ts";

interface TrainOptions extends PlanOptions, AccessOptions {
  printConfig?: boolean;
  checkpointEvery: number;
  checkpointsKept: number;
  /** Absent: the default one. False: none. */
  collector?: string | false;
  spool: string;
  json?: boolean;
}

const defaultCollector = "127.0.0.1:4681";

export function define(program: Command): void {
  addAccessOptions(addRunOptions(program.command("train").summary("train one run")))
    .description("Trains one run and reports every step to a collector.")
    .option("--strategy <name>", "how expert load is balanced", "loss-free-bias")
    .option("--name <text>", "name of the run on screen; its id when absent")
    .option("--tag <text>", "a word to find the run by; may be repeated", repeated)
    .option("--print-config", "print the whole configuration as JSON, and train nothing")
    .option("--config <file>", "train what --print-config or `show RUN --config` printed; - reads it from stdin")
    .option("--resume <run>", "go on with a run from its newest checkpoint, from RUN@STEP, or from a folder")
    .option("--from <run>", "start from the parameters of another run, RUN or RUN@STEP: fine-tune it on other --data")
    .option("--checkpoints <dir>", "holds what runs go on from", defaultCheckpoints)
    .option("--no-checkpoints", "keep nothing to go on from")
    .option("--checkpoint-every <steps>", "keep the run so often, besides at its end", wholeNumber(1), 200)
    .option("--checkpoints-kept <number>", "how many are kept, besides the one at the end", wholeNumber(1), 2)
    .option(
      "--collector <host:port>",
      `where steps are reported; the collector that runs on ${defaultDataDirectory}, else ${defaultCollector}, when absent`,
      address,
    )
    .option("--no-collector", "report nothing")
    .option("--spool <dir>", "holds what no collector has acknowledged", join(defaultDataDirectory, "spool"))
    .option("--json", "print the result as JSON")
    .action((options: TrainOptions, command: Command) => {
      const plan = planRun(options, (option) => command.getOptionValueSource(option) === "cli");
      return interruptible((signal) =>
        options.printConfig ? printConfiguration(plan) : trainOne(plan, options, signal),
      );
    });
}

async function printConfiguration({ configuration }: RunPlan): Promise<void> {
  const { data, sources, tokenizer, seed } = configuration;
  printJson(fitToData(configuration, await openCorpus({ ...data, sources, tokenizer, seed, notice: note })));
}

async function trainOne(plan: RunPlan, options: TrainOptions, signal: AbortSignal): Promise<void> {
  // Whatever is wrong with the way to the collector is said before anything starts.
  const collector = await collectorOf(options);
  const fallbackKnown = await prepareBackend(backendOf(plan, options), signal);
  note([headline(plan), ...formatConfiguration(recipeIn(plan.configuration))]);
  note(collector ? `Reporting to ${collector.address}` : "Reporting to nobody (--no-collector)");
  const order = { ...orderOf(plan, options), collector };
  const { kind: _, ...result } = await trainVisibly(order, fallbackKnown, signal);
  if (options.json) printJson({ run: plan.run.id, ...result });
  refuseUnfinished(result);
}

function headline({ run, resume, configuration }: RunPlan): string {
  const { parent } = configuration;
  if (resume)
    return `Run ${run.id} goes on at step ${resume.record.step} of ${configuration.steps}, from ${resume.path}`;
  return `Run ${run.id}${parent ? `, from the parameters of ${parent.run} at step ${parent.step}` : ""}`;
}

async function collectorOf({ collector, spool, ...options }: TrainOptions): Promise<TrainingOrder["collector"]> {
  if (collector === false) return undefined;
  const access = accessOf(options);
  const spoolDirectory = resolve(spool);
  if (collector !== undefined) return { address: collector, access, spoolDirectory };
  const running = await findCollector(defaultDataDirectory);
  const address = running?.grpcAddress ?? defaultCollector;
  return { address, access: overTls(access, running?.tls ?? false), spoolDirectory };
}
