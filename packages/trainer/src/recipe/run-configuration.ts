// The whole configuration of a run: its recipe, its data, what it was fine-tuned from. Printed, stored and read back as the same JSON.
import { definitionOf, partsOf } from "../balancing/combination.ts";
import { strategies } from "../balancing/index.ts";
import type { Setting } from "../balancing/strategy.ts";
import type { Corpus } from "../data/corpus.ts";
import { builtInCategories, type DataSource } from "../data/data-source.ts";
import { type TokenClass, withTokenClasses } from "../probe/token-classes.ts";
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
  /** Fingerprint of the data that it was trained on; absent before that is known, and in runs of earlier versions. */
  corpus?: string;
}

export function configurationOf(recipe: Recipe, { sources, tokenizer }: DataChoice, parent?: Parent): RunConfiguration {
  return {
    ...recipe,
    sources: sources ?? builtInCategories.map((category) => ({ category })),
    ...(tokenizer !== undefined && { tokenizer }),
    ...(parent && { parent }),
  };
}

/** The recipe alone, without the data and the parent. */
export function recipeIn({
  sources: _sources,
  tokenizer: _tokenizer,
  parent: _parent,
  corpus: _corpus,
  ...recipe
}: RunConfiguration): Recipe {
  return recipe as Recipe;
}

/** What may be changed of a configuration that is read back. */
export interface ConfigurationChange {
  strategy?: string;
  seed?: number;
  steps?: number;
  /** `path=value`; they come after those of the configuration. */
  settings?: readonly string[];
  /** Come before those of the configuration; one of the same name takes its place. */
  tokenClasses?: readonly TokenClass[];
}

/**
 * A configuration as `configurationOf` made it, now or in an older version: settings that did not exist then have their defaults, or
 * what their strategy did before.
 *
 * @throws RecipeError that names what is not allowed
 */
export function readConfiguration(stored: unknown, change: ConfigurationChange = {}): RunConfiguration {
  if (!isObject(stored)) throw new RecipeError("A configuration is a JSON object, as `train --print-config` prints it");
  const { recipe = "", sources, tokenizer, parent, corpus, ...settings } = stored as Partial<RunConfiguration>;
  const { strategy: storedStrategy = "", ...options } = settings.balancing ?? {};
  const strategy = change.strategy ?? storedStrategy;
  // Options belong to a strategy: another one starts from its own.
  const balancing = strategy === storedStrategy ? { ...formerlyOf(strategy), ...options } : {};
  const { seed = settings.seed, steps = settings.steps } = change;
  const { tokenClasses = [], ...probe } = settings.probe ?? {};
  const resolved = resolveRecipe({
    recipe: String(recipe),
    strategy: String(strategy),
    settings: [...settingsIn({ ...settings, balancing, probe, seed, steps }), ...(change.settings ?? [])],
    tokenClasses: withTokenClasses(change.tokenClasses ?? [], tokenClasses),
  });
  const configuration = configurationOf(resolved, { sources: sources && readSources(sources), tokenizer }, parent);
  return { ...configuration, ...(corpus !== undefined && { corpus }) };
}

/** Nothing for what is no strategy: why is said where the recipe is resolved. */
function formerlyOf(strategy: string): Record<string, Setting | undefined> {
  try {
    const isKnown = partsOf(strategy).every((name) => Object.hasOwn(strategies, name));
    return (isKnown && definitionOf(strategy).formerly) || {};
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}

/** @returns every setting in which two configurations differ, as in `model.experts` */
export function changedSettings(before: RunConfiguration, after: RunConfiguration): string[] {
  const [known, now] = [before, after].map((configuration) => {
    return new Map(settingsIn(configuration).map((setting) => [setting.slice(0, setting.indexOf("=")), setting]));
  });
  const paths = new Set([...known!.keys(), ...now!.keys()]);
  return [...paths].filter((path) => known!.get(path) !== now!.get(path));
}

/** Number of different tokens, size of a patch and fingerprint follow from the data. */
export function fitToData(
  configuration: RunConfiguration,
  { vocabulary, patchSize, fingerprint }: Corpus,
): RunConfiguration {
  return { ...configuration, model: { ...configuration.model, vocabulary, patchSize }, corpus: fingerprint };
}

/** `path=value` for everything in a recipe's sections. */
function settingsIn(section: object, prefix = ""): string[] {
  const given = Object.entries(section).filter(([, value]) => value !== undefined);
  return given.flatMap(([key, value]) => {
    if (isObject(value)) return settingsIn(value, `${prefix}${key}.`);
    return [`${prefix}${key}=${Array.isArray(value) ? JSON.stringify(value) : value}`];
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
