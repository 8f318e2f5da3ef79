// The whole configuration of a run: its recipe, its data, what it was fine-tuned from. Printed, stored and read back as the same JSON.
import { builtInCategories, type DataSource } from "./data/data-source.ts";
import type { Recipe } from "./recipe.ts";
import { RecipeError } from "./recipe-error.ts";
import { resolveRecipe } from "./resolve-recipe.ts";

/** The checkpoint whose parameters a run started from. */
export interface Parent {
  run: string;
  step: number;
}

/** What a run trains on. */
export interface DataChoice {
  /** The built-in categories when absent. */
  sources?: DataSource[];
  /** File of a tokenizer; bytes are the tokens when absent. */
  tokenizer?: string;
}

export interface RunConfiguration extends Recipe, DataChoice {
  sources: DataSource[];
  parent?: Parent;
}

export function configurationOf(recipe: Recipe, { sources, tokenizer }: DataChoice, parent?: Parent): RunConfiguration {
  return {
    ...recipe,
    sources: sources ?? builtInCategories.map((category) => ({ category })),
    ...(tokenizer !== undefined && { tokenizer }),
    ...(parent && { parent }),
  };
}

export function recipeIn({ sources: _, tokenizer: __, parent: ___, ...recipe }: RunConfiguration): Recipe {
  return recipe as Recipe;
}

/** What may be changed of a configuration that is read back. */
export interface ConfigurationChange {
  strategy?: string;
  seed?: number;
  steps?: number;
  /** `path=value`; they come after those of the configuration. */
  settings?: readonly string[];
}

/**
 * A configuration as `configurationOf` made it, now or in an older version: settings that did not exist then have their defaults.
 *
 * @throws RecipeError that names what is not allowed
 */
export function readConfiguration(stored: unknown, change: ConfigurationChange = {}): RunConfiguration {
  if (!isObject(stored)) throw new RecipeError("A configuration is a JSON object, as `train --print-config` prints it");
  const { recipe, seed, steps, sources, tokenizer, parent, ...sections } = stored as Partial<RunConfiguration>;
  const { strategy: storedStrategy = "", ...options } = sections.balancing ?? {};
  const strategy = change.strategy ?? storedStrategy;
  // Options belong to a strategy: another one starts from its own.
  const balancing = strategy === storedStrategy ? options : {};
  const resolved = resolveRecipe({
    recipe: recipe ?? "",
    strategy,
    seed: change.seed ?? seed,
    steps: change.steps ?? steps,
    settings: [...settingsIn({ ...sections, balancing }), ...(change.settings ?? [])],
  });
  return configurationOf(resolved, { sources: sources && readSources(sources), tokenizer }, parent);
}

/** `path=value` for everything in a recipe's sections. */
function settingsIn(section: object, prefix = ""): string[] {
  return Object.entries(section).flatMap(([key, value]) => {
    return isObject(value) ? settingsIn(value, `${prefix}${key}.`) : [`${prefix}${key}=${value}`];
  });
}

/** Version 0.1.0 kept what the data came to instead of where it is. */
interface SourceOfVersion010 {
  category: string;
  origin: string;
  share: number;
}

function readSources(sources: (DataSource | SourceOfVersion010)[]): DataSource[] {
  if (!Array.isArray(sources)) throw new RecipeError(`sources is ${JSON.stringify(sources)}; a list is allowed`);
  return sources.map((source) => {
    if (!("origin" in source)) return source;
    const { category, origin, share } = source;
    const isGlob = origin.startsWith(`${category}=`);
    return { category, ...(isGlob && { glob: origin.slice(category.length + 1) }), weight: share };
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
