// Where a category's text comes from: built in, or the user's files named by a glob.

import { isUtf8 } from "node:buffer";
import { readFile, stat } from "node:fs/promises";
import { glob } from "tinyglobby";
import { type CategoryText, DataError } from "./category-text.ts";
import { findInstallation, installedKinds, readInstalledPackages } from "./installed-packages.ts";
import { mathsText } from "./maths/maths-text.ts";
import { createStoredText, type TextFile } from "./stored-text.ts";

export interface DataSource {
  category: string;
  /** Files of the user's; absent for a built-in category. */
  glob?: string;
  /** Share of the sequences in proportion to the other sources' weights; 1 when absent. */
  weight?: number;
}

export const builtInCategories = ["code", "docs", "maths"] as const;

/** Text is held in memory, and Node reads no larger file in one piece. */
const largestTotal = 2 * 2 ** 30;

/**
 * Reads `name=glob`, or the name of a built-in category alone.
 *
 * @throws DataError for anything else
 */
export function parseDataSource(text: string): DataSource {
  const [, category = "", pattern] = /^([^=]*)=?(.*)$/s.exec(text)!;
  if (!/^[\w.-]{1,40}$/.test(category)) {
    throw new DataError(
      `--data ${text}: "${category}" is no category name; 1 to 40 letters, digits, "_", "-" and "." are allowed`,
    );
  }
  if (pattern) return { category, glob: pattern };
  if (isBuiltIn(category) && !text.includes("=")) return { category };
  throw new DataError(
    `--data ${text}: give the files as ${category}=glob, or one of the built-in categories: ${builtInCategories.join(", ")}`,
  );
}

/**
 * @param sequence tokens that will be asked for at once
 * @throws DataError when there is no such built-in category, or the files cannot be used
 */
export async function openDataSource(source: DataSource, sequence: number): Promise<CategoryText> {
  if (source.glob !== undefined) {
    return createStoredText(`${source.category}=${source.glob}`, await readGlob(source.glob), sequence);
  }
  if (source.category === "maths") return mathsText;
  if (source.category !== "code" && source.category !== "docs") {
    throw new DataError(
      `No built-in category "${source.category}"; there are ${builtInCategories.join(", ")}, or name files as ${source.category}=glob`,
    );
  }
  const files = await readInstalledPackages(source.category, findInstallation(import.meta.dirname));
  return createStoredText(installedKinds[source.category].origin, files, sequence);
}

function isBuiltIn(category: string): category is (typeof builtInCategories)[number] {
  return (builtInCategories as readonly string[]).includes(category);
}

async function readGlob(pattern: string): Promise<TextFile[]> {
  const paths = (await glob(pattern, { followSymbolicLinks: true, expandDirectories: true })).sort();
  if (paths.length === 0) {
    throw new DataError(
      `--data: no file matches "${pattern}" in ${process.cwd()}; a glob such as "texts/**/*.txt" is allowed`,
    );
  }
  const files: TextFile[] = [];
  let total = 0;
  for (const path of paths) {
    total += (await fileSize(path)) + 1;
    if (total > largestTotal) {
      throw new DataError(
        `--data: the files of "${pattern}" hold more than ${largestTotal} bytes; choose fewer of them`,
      );
    }
    files.push({ name: path, bytes: await readText(path) });
  }
  return files;
}

async function fileSize(path: string): Promise<number> {
  return (await stat(path).catch(unreadable(path))).size;
}

async function readText(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch(unreadable(path));
  const nul = bytes.indexOf(0);
  if (nul !== -1) throw new DataError(`${path} is a binary file (NUL at byte ${nul}); text in UTF-8 is allowed`);
  if (!isUtf8(bytes)) throw new DataError(`${path} is not valid UTF-8; text in UTF-8 is allowed`);
  return bytes;
}

function unreadable(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    throw new DataError(`${path} cannot be read: ${cause.message}; files that this user may read are allowed`, {
      cause,
    });
  };
}
