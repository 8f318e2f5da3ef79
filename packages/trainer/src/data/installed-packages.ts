// Text that every checkout has after `npm ci`: the sources and the Markdown of the installed packages.
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { glob } from "tinyglobby";
import { DataError } from "./data-error.ts";
import { hashText } from "./random.ts";
import { isText } from "./text-check.ts";

/** A file small enough to lie in memory. */
export interface TextFile {
  /** Decides the side of the split: files with the same name stay together. */
  name: string;
  bytes: Uint8Array;
}

export const installedKinds = {
  code: { pattern: "**/*.{ts,mts,js,mjs,cjs}", origin: "TypeScript and JavaScript of the installed packages" },
  docs: { pattern: "**/*.md", origin: "Markdown of the installed packages" },
};

/** What is read of each kind at most: enough for minutes of training, little enough to load in about a second. */
const bytesOfAKind = 24 * 2 ** 20;
/** Larger files are bundles and tables rather than code that someone wrote. */
const largestFile = 96 * 2 ** 10;
/** Mean bytes a line above which a file was written by a minifier. */
const longestMeanLine = 160;

/**
 * Takes one file of every package, then a second of every package, and so on up to a fixed number of bytes, in the order of the hashes
 * of their paths: the same choice wherever the same packages are installed, and no large package crowds out the rest.
 *
 * @param root the folder that holds `node_modules`
 */
export async function readInstalledPackages(kind: keyof typeof installedKinds, root: string): Promise<TextFile[]> {
  const modules = join(root, "node_modules");
  const paths = await glob(installedKinds[kind].pattern, { cwd: modules, followSymbolicLinks: false });
  const files: TextFile[] = [];
  const seen = new Set<string>();
  let total = 0;
  for (const path of spreadOverPackages(paths)) {
    const bytes = readSource(join(modules, path));
    if (!bytes) continue;
    const content = `${bytes.length}:${crc32(bytes)}`;
    if (seen.has(content)) continue;
    if (total + bytes.length > bytesOfAKind) break;
    seen.add(content);
    total += bytes.length;
    files.push({ name: moduleName(path), bytes });
  }
  return files;
}

/** @returns the nearest folder at or above `start` in whose `node_modules` this package's own dependencies lie */
export function findInstallation(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "node_modules", "@tensorflow"))) return folder;
    if (folder === dirname(folder)) {
      throw new DataError(
        `No installed packages above ${start}: run npm ci, or name data of your own with --data name=glob`,
      );
    }
  }
}

/** Hash order within each package; then the first of every package, the second of every package, and so on. */
function spreadOverPackages(paths: readonly string[]): string[] {
  const taken = new Map<string, number>();
  const inHashOrder = paths
    .map((path) => ({ path, hash: hashText(path) }))
    .sort((a, b) => a.hash - b.hash || (a.path < b.path ? -1 : 1));
  const turns = inHashOrder.map(({ path }) => {
    const turn = taken.get(packageName(path)) ?? 0;
    taken.set(packageName(path), turn + 1);
    return { path, turn };
  });
  // Stable: within a turn the hash order stays.
  return turns.sort((a, b) => a.turn - b.turn).map(({ path }) => path);
}

/** @returns undefined for what nobody wrote by hand, and for what is not text */
function readSource(path: string): Uint8Array | undefined {
  if (/\.min\.[cm]?js$/.test(path) || statSync(path).size > largestFile) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length === 0 || !isText(bytes)) return undefined;
  let lines = 1;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++;
  return bytes.length / lines > longestMeanLine ? undefined : bytes;
}

/** `a/node_modules/@b/c/dist/x.js` belongs to `@b/c`. */
function packageName(path: string): string {
  return /^(?:.*\/node_modules\/)?((?:@[^/]+\/)?[^/]+)/.exec(path)![1]!;
}

/**
 * Packages ship one module several times (`esm/x.js`, `cjs/x.js`, `x.d.ts`, two versions of the package). All of them share a name,
 * hence a side of the split; otherwise validation would ask for what training has seen.
 */
function moduleName(path: string): string {
  return `${packageName(path)}/${basename(path).replace(/(\.d)?\.[^.]+$/, "")}`;
}
