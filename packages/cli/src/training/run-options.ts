// Options that say what to train, the same for every command that trains.
import {
  backends,
  builtInSources,
  type DataChoice,
  parseDataSource,
  parseTokenClass,
  type Recipe,
  recipes,
  resolveRecipe,
  strategies,
  type TokenClass,
  withHeldOut,
} from "@moescope/trainer";
import { type Command, Option } from "commander";
import { repeated, seed, wholeNumber } from "../arguments.ts";

export interface RunOptions {
  recipe: string;
  seed?: number;
  steps?: number;
  set?: string[];
  data?: string[];
  validation?: string[];
  tokenizer?: string;
  tokenClass?: string[];
  backend?: string;
}

export function addRunOptions(command: Command): Command {
  return addSharedRunOptions(
    command.option("--seed <number>", "seed of the start values and of the order of the data", seed),
  );
}

/** Those that any number of runs can have in common. */
export function addSharedRunOptions(command: Command, recipe = "demo"): Command {
  return command
    .option("--recipe <name>", "named configuration to start from", recipe)
    .option("--steps <number>", "optimizer updates; those of the recipe when absent", wholeNumber(1))
    .option("--set <key=value>", "one setting of the recipe, as in model.experts=64; may be repeated", repeated)
    .option("--data <name=glob>", "files of a category, or something built in; may be repeated; see below", repeated)
    .option("--validation <name=glob>", "files that a category is validated on; may be repeated", repeated)
    .option("--tokenizer <file>", "tokenizer.json of Hugging Face; bytes are the tokens when absent")
    .option(
      "--token-class <name=pattern>",
      "tokens that attention is measured to, as in digit=^[0-9]$; may be repeated",
      repeated,
    )
    .addOption(
      new Option("--backend <name>", "what computes (default: the fastest that works here)").choices(
        backends.map(({ name }) => name),
      ),
    )
    .addHelpText("after", `\n${dataHelp}\n\n${namesHelp()}`);
}

/** @throws RecipeError */
export function recipeOf(options: RunOptions, strategy: string): Recipe {
  const { recipe, seed, steps, set } = options;
  return resolveRecipe({ recipe, strategy, seed, steps, settings: set, tokenClasses: tokenClassesOf(options) });
}

/** @throws RecipeError */
export function tokenClassesOf({ tokenClass }: Pick<RunOptions, "tokenClass">): TokenClass[] | undefined {
  return tokenClass?.map(parseTokenClass);
}

/** @returns no sources for the built-in corpus @throws DataError */
export function dataOf({ data, validation = [], tokenizer }: RunOptions): DataChoice {
  const sources = data?.map(parseDataSource);
  if (sources === undefined && validation.length === 0) return { tokenizer };
  return { sources: withHeldOut(sources ?? [], validation), tokenizer };
}

const dataHelp = `Data:
  name=glob                 text, JSONL (.jsonl, .ndjson) or Parquet, text and JSONL also as .gz;
                            or PNG and JPEG with captions: a .txt beside each, or captions.jsonl
  name:field@weight=glob    field or column of the text ("text" when absent), share of the batch
  ${builtInSources.join(", ").padEnd(26)}built in; each may have a weight, as in maths@2`;

function namesHelp(): string {
  const lines = Object.entries(recipes).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return `Recipes:\n${lines.join("\n")}\n\nStrategies: ${Object.keys(strategies).join(", ")}`;
}
