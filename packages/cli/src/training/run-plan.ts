// What a person asks to train: a new run, a configuration that was printed, a run that goes on, or the child of another.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type Checkpoint,
  changedSettings,
  configurationOf,
  type RunConfiguration,
  type RunIdentity,
  readConfiguration,
} from "@moescope/trainer";
import { WrongUse } from "../failure.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { findCheckpoint } from "./find-checkpoint.ts";
import { newRunId } from "./run-identity.ts";
import { dataOf, type RunOptions, recipeOf, tokenClassesOf } from "./run-options.ts";

/** Where runs are kept when a person does not say. */
export const defaultCheckpoints = join(defaultDataDirectory, "checkpoints");

export interface PlanOptions extends RunOptions {
  strategy: string;
  name?: string;
  tag?: string[];
  /** File of a configuration; `-`: what is read from stdin. */
  config?: string;
  /** RUN, RUN@STEP, or a folder. */
  resume?: string;
  from?: string;
  /** Holds a folder for each run; false: nothing is kept. */
  checkpoints: string | false;
}

export interface RunPlan {
  configuration: RunConfiguration;
  run: Omit<RunIdentity, "codeVersion">;
  /** Where the run is kept; undefined: nowhere. */
  folder?: string;
  /** The checkpoint that it goes on from. */
  resume?: Checkpoint;
  /** Folder of the checkpoint whose parameters it starts from. */
  from?: string;
}

/** Options that make no sense beside one that says where a run comes from, and what does instead. */
const excluded: [option: keyof PlanOptions, others: (keyof PlanOptions)[], instead: string][] = [
  [
    "resume",
    ["from", "config", "recipe", "strategy", "seed", "data", "validation", "tokenizer", "name", "tag"],
    "a run goes on as it was started; --steps and --set may be given, and --from starts a new run from its parameters",
  ],
  [
    "from",
    ["config", "recipe"],
    "the model is the parent's; --strategy, --seed, --steps, --set and --data may be given",
  ],
  [
    "config",
    ["recipe", "strategy", "data", "validation", "tokenizer"],
    "it is in the configuration; --seed, --steps and --set may be given",
  ],
];

/**
 * @param given whether a person wrote an option, as against its default
 * @throws WrongUse, RecipeError or DataError when the options cannot be used; CheckpointError
 */
export function planRun(options: PlanOptions, given: (option: keyof PlanOptions) => boolean): RunPlan {
  for (const [option, others, instead] of excluded) {
    const other = given(option) && others.find(given);
    if (other) throw new WrongUse(`--${option} and --${other} do not go together: ${instead}`);
  }
  if (options.resume !== undefined) return planResumed(options, options.resume);
  if (options.from !== undefined) return planChild(options, options.from, given);
  if (options.config !== undefined) return planRepeated(options, options.config);
  return newRun(options, configurationOf(recipeOf(options, options.strategy), dataOf(options)));
}

/** A plan to go on with a run from its checkpoint, with what may be changed of it. */
export function planResumed(
  { checkpoints, steps, set, tokenClass }: Pick<PlanOptions, "checkpoints" | "steps" | "set" | "tokenClass">,
  wanted: string,
): RunPlan {
  if (checkpoints === false)
    throw new WrongUse("--resume and --no-checkpoints do not go together: attempts are counted there");
  const resume = findCheckpoint(checkpoints, wanted);
  const { record, path } = resume;
  const stored = readConfiguration(record.configuration);
  const change = { steps, settings: set, tokenClasses: tokenClassesOf({ tokenClass }) };
  const configuration = readConfiguration(record.configuration, change);
  const fixed = changedSettings(stored, configuration).filter((setting) => /^(model|data|seed)\b/.test(setting));
  if (fixed.length > 0) {
    throw new WrongUse(`--resume cannot change ${fixed.join(", ")}: the model and the data of a run stay as they are`);
  }
  if (configuration.steps <= record.step) {
    throw new WrongUse(
      `Run ${record.run.id} has made ${record.step} of ${configuration.steps} steps; more are allowed with --steps`,
    );
  }
  return { configuration, run: record.run, folder: dirname(path), resume };
}

function planChild(options: PlanOptions, wanted: string, given: (option: keyof PlanOptions) => boolean): RunPlan {
  const { record, path } = findCheckpoint(options.checkpoints || defaultCheckpoints, wanted);
  const parent = { run: record.run.id, step: record.step };
  const { sources, tokenizer } = dataOf(options);
  const { seed, steps, set: settings } = options;
  const strategy = given("strategy") ? options.strategy : undefined;
  const read = readConfiguration(record.configuration, {
    ...{ strategy, seed, steps, settings },
    tokenClasses: tokenClassesOf(options),
  });
  const data = { sources: sources ?? read.sources, tokenizer: tokenizer ?? read.tokenizer };
  return { ...newRun(options, configurationOf(read, data, parent)), from: path };
}

function planRepeated(options: PlanOptions, file: string): RunPlan {
  const { seed, steps, set: settings } = options;
  const change = { seed, steps, settings, tokenClasses: tokenClassesOf(options) };
  const configuration = readConfiguration(readJson(file), change);
  const plan = newRun(options, configuration);
  const { parent } = configuration;
  if (!parent) return plan;
  const { path } = findCheckpoint(options.checkpoints || defaultCheckpoints, `${parent.run}@${parent.step}`);
  return { ...plan, from: path };
}

function readJson(file: string): unknown {
  const from = file === "-" ? "stdin" : file;
  try {
    const text = readFileSync(file === "-" ? 0 : file, "utf8");
    return JSON.parse(text.replace(/^\uFEFF/, "")); // a byte order mark, as editors on Windows write it
  } catch (error) {
    throw new WrongUse(
      `--config: ${from} cannot be read: ${(error as Error).message}; allowed is what --print-config prints`,
    );
  }
}

function newRun({ name, tag: tags = [], checkpoints }: PlanOptions, configuration: RunConfiguration): RunPlan {
  const id = newRunId(configuration);
  const run = { id, name: name ?? id, tags, startedAt: Date.now() };
  return { configuration, run, folder: checkpoints === false ? undefined : join(checkpoints, id) };
}
