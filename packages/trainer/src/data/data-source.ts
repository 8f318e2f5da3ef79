// How data is named: `name=glob` for files of the user's, or the name of what is built in.
import { DataError } from "./data-error.ts";

/** Plain data: it travels between processes and is stored with a run. */
export interface DataSource {
  /** Name of the source; of text it is the category as well. */
  category: string;
  /** Files of the user's; absent for what is built in. */
  glob?: string;
  /** Field of JSONL or column of Parquet that holds the text; `text` when absent. */
  field?: string;
  /** Files to validate on; absent: some of the others are held out. */
  heldOut?: string;
  /** Share of the sequences in proportion to the other sources' weights; 1 when absent. */
  weight?: number;
}

/** What is trained on when nothing is named. */
export const builtInCategories = ["code", "docs", "maths"] as const;

/** Everything that can be named without files; `shapes` are images with captions. */
export const builtInSources = [...builtInCategories, "shapes"] as const;

export type BuiltInSource = (typeof builtInSources)[number];

export function isBuiltIn(name: string): name is BuiltInSource {
  return (builtInSources as readonly string[]).includes(name);
}

/**
 * Reads `name=glob`, `name:field@weight=glob` (field and weight each may be left out), or `name@weight` of something built in.
 *
 * @throws DataError for anything else
 */
export function parseDataSource(text: string): DataSource {
  const { category, field, weightText, glob } = partsOf("--data", text);
  const weight = weightText === undefined ? undefined : parseWeight(text, weightText);
  const source = { category, ...(field !== undefined && { field }), ...(weight !== undefined && { weight }) };
  if (glob) return { ...source, glob };
  if (isBuiltIn(category) && field === undefined && glob === undefined) return source;
  throw new DataError(
    `--data ${text}: give the files as ${category}=glob, or something built in: ${builtInSources.join(", ")}`,
  );
}

/**
 * Adds to sources the files they are validated on, each given as `name=glob`.
 *
 * @throws DataError when it is no such pair, or names no source that has files
 */
export function withHeldOut(sources: readonly DataSource[], validations: readonly string[]): DataSource[] {
  const heldOut = new Map<string, string>();
  for (const text of validations) {
    const { category, field, weightText, glob } = partsOf("--validation", text);
    const names = sources.filter((source) => source.glob !== undefined).map((source) => source.category);
    if (!glob || field !== undefined || weightText !== undefined)
      throw new DataError(`--validation ${text}: name=glob is allowed`);
    if (!names.includes(category)) {
      const allowed = names.length > 0 ? names.join(", ") : "none, since no --data name=glob is given";
      throw new DataError(`--validation ${text}: "${category}" names no data with files; allowed: ${allowed}`);
    }
    if (heldOut.has(category)) throw new DataError(`--validation ${text}: "${category}" is given twice`);
    heldOut.set(category, glob);
  }
  return sources.map((source) => {
    const glob = heldOut.get(source.category);
    return glob === undefined ? source : { ...source, heldOut: glob };
  });
}

function partsOf(option: string, text: string) {
  const [, name = "", , glob] = /^([^=]*)(=(.*))?$/s.exec(text)!;
  const [, category = "", , field, , weightText] = /^([^:@]*)(:([^@]*))?(@(.*))?$/s.exec(name)!;
  if (!/^[\w.-]{1,40}$/.test(category)) {
    throw new DataError(
      `${option} ${text}: "${category}" is no category name; 1 to 40 letters, digits, "_", "-" and "." are allowed`,
    );
  }
  if (field === "") throw new DataError(`${option} ${text}: the field after ":" is empty; name:field=glob is allowed`);
  return { category, field, weightText, glob };
}

function parseWeight(text: string, weightText: string): number {
  const weight = Number(weightText);
  if (weightText.trim() !== "" && Number.isFinite(weight) && weight > 0) return weight;
  throw new DataError(`--data ${text}: "${weightText}" is no weight; numbers above 0 are allowed, as in name@2.5=glob`);
}
