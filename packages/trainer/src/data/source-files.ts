// The files that a glob names: how large, how old, and of which format.
import { existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { escapePath, glob } from "tinyglobby";
import { DataError, unreadable } from "./data-error.ts";

export interface SourceFile {
  /** Relative for a relative glob, absolute for an absolute one. Decides the side of the split where documents are files. */
  name: string;
  path: string;
  /** Where the file lies itself, links followed. */
  realPath: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
  format: "text" | "json-lines" | "parquet" | "image";
  gzip: boolean;
}

/**
 * A name that exists is taken as it is, though it may look like a glob: `data (1).txt`. A file that links lead to several times is one.
 *
 * @param option what gave the pattern, for the error
 * @throws DataError when nothing matches, or what matches is no file that can be read
 */
export async function findFiles(option: string, pattern: string): Promise<SourceFile[]> {
  const options = { followSymbolicLinks: true, expandDirectories: true, absolute: isAbsolute(pattern) };
  const names = (await glob(existsSync(pattern) ? escapePath(pattern) : pattern, options)).sort();
  if (names.length === 0) {
    throw new DataError(
      `${option}: no file matches "${pattern}" in ${process.cwd()}; a glob such as "texts/**/*.txt" is allowed`,
    );
  }
  const files: SourceFile[] = [];
  for (const name of names) files.push(await describeFile(name));
  return eachOnce(files);
}

/** Under the name without links where there is one, else the shortest: it decides the side of the split. */
function eachOnce(files: readonly SourceFile[]): SourceFile[] {
  const chosen = new Map<string, SourceFile>();
  const isBetter = (file: SourceFile, known: SourceFile) => {
    const [direct, before] = [file, known].map(({ path, realPath }) => path === realPath);
    return direct === before ? file.name.length < known.name.length : direct!;
  };
  for (const file of files) {
    const known = chosen.get(file.realPath);
    if (known === undefined || isBetter(file, known)) chosen.set(file.realPath, file);
  }
  return files.filter((file) => chosen.get(file.realPath) === file);
}

async function describeFile(name: string): Promise<SourceFile> {
  const { size, mtimeMs } = await stat(name).catch(unreadable(name));
  const gzip = /\.gz$/i.test(name);
  const format = formatOf(name.replace(/\.gz$/i, ""));
  return { name, path: resolve(name), realPath: await realpath(name), size, modified: mtimeMs, format, gzip };
}

function formatOf(name: string): SourceFile["format"] {
  if (/\.(jsonl|ndjson)$/i.test(name)) return "json-lines";
  if (/\.parquet$/i.test(name)) return "parquet";
  return /\.(png|jpe?g)$/i.test(name) ? "image" : "text";
}
