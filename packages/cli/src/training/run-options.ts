// Options that say what to train, the same for every command that trains.
import {
  backends,
  type DataSource,
  parseDataSource,
  type Recipe,
  recipes,
  resolveRecipe,
  strategies,
} from "@moescope/trainer";
import { type Command, Option } from "commander";
import { repeated, wholeNumber } from "../arguments.ts";

export interface RunOptions {
  recipe: string;
  seed?: number;
  steps?: number;
  set?: string[];
  data?: string[];
  backend?: string;
}

export function addRunOptions(command: Command): Command {
  return command
    .option("--recipe <name>", "named configuration to start from", "demo")
    .option("--seed <number>", "seed of the start values and of the order of the data", wholeNumber(0, 0xffffffff))
    .option("--steps <number>", "optimizer updates; those of the recipe when absent", wholeNumber(1))
    .option("--set <key=value>", "one setting of the recipe, as in model.experts=64; may be repeated", repeated)
    .option("--data <category=glob>", "text files of a category, or code, docs, maths alone; may be repeated", repeated)
    .addOption(
      new Option("--backend <name>", "what computes (default: the fastest that works here)").choices(
        backends.map(({ name }) => name),
      ),
    )
    .addHelpText("after", `\n${namesHelp()}`);
}

/** @throws RecipeError */
export function recipeOf({ recipe, seed, steps, set }: RunOptions, strategy: string): Recipe {
  return resolveRecipe({ recipe, strategy, seed, steps, settings: set });
}

/** @returns undefined for the built-in corpus @throws DataError */
export function sourcesOf({ data }: RunOptions): DataSource[] | undefined {
  return data?.map(parseDataSource);
}

function namesHelp(): string {
  const lines = Object.entries(recipes).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return `Recipes:\n${lines.join("\n")}\n\nStrategies: ${Object.keys(strategies).join(", ")}`;
}
