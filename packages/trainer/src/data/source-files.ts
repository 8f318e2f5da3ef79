// The files that a glob names: how large, how old, and of which format.
import { stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { glob } from "tinyglobby";
import { DataError, unreadable } from "./data-error.ts";

export interface SourceFile {
  /** Relative for a relative glob, absolute for an absolute one. Decides the side of the split where documents are files. */
  name: string;
  path: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
  format: "text" | "json-lines" | "parquet" | "image";
  gzip: boolean;
}

/** @param option what gave the pattern, for the error @throws DataError when nothing matches, or what matches is no file that can be read */
export async function findFiles(option: string, pattern: string): Promise<SourceFile[]> {
  const options = { followSymbolicLinks: true, expandDirectories: true, absolute: isAbsolute(pattern) };
  const names = (await glob(pattern, options)).sort();
  if (names.length === 0) {
    throw new DataError(
      `${option}: no file matches "${pattern}" in ${process.cwd()}; a glob such as "texts/**/*.txt" is allowed`,
    );
  }
  const files: SourceFile[] = [];
  for (const name of names) files.push(await describeFile(name));
  return files;
}

async function describeFile(name: string): Promise<SourceFile> {
  const { size, mtimeMs } = await stat(name).catch(unreadable(name));
  const gzip = /\.gz$/i.test(name);
  return { name, path: resolve(name), size, modified: mtimeMs, format: formatOf(name.replace(/\.gz$/i, "")), gzip };
}

function formatOf(name: string): SourceFile["format"] {
  if (/\.(jsonl|ndjson)$/i.test(name)) return "json-lines";
  if (/\.parquet$/i.test(name)) return "parquet";
  return /\.(png|jpe?g)$/i.test(name) ? "image" : "text";
}
