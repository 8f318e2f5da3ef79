// A folder in which each rank of a job has written a file of its own.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { LIMITS } from "@moescope/proto";
import { WrongUse } from "../../failure.ts";

/** @param named has the rank as its first group; 0 for a file that is not named so */
export function rankOf(path: string, named: RegExp): number {
  return Number(named.exec(basename(path))?.[1] ?? 0);
}

/**
 * @param pattern what the files are called, for people to read
 * @returns in the order of the ranks
 * @throws WrongUse when there is none, a rank beyond all limits, or one that has two
 */
export function filesByRank(folder: string, named: RegExp, pattern: string): [rank: number, file: string][] {
  const names = readdirSync(folder).filter((name) => named.test(name));
  if (names.length === 0) throw new WrongUse(`${folder} holds no ${pattern}`);
  const files = names
    .map((name): [number, string] => [rankOf(name, named), join(folder, name)])
    .sort(([a], [b]) => a - b);
  const beyond = files.find(([rank]) => rank >= LIMITS.ranks.most);
  if (beyond) throw new WrongUse(`${beyond[1]} is of rank ${beyond[0]}; a run has at most ${LIMITS.ranks.most} ranks`);
  const twice = files.find(([rank], index) => rank === files[index + 1]?.[0]);
  if (twice) throw new WrongUse(`${folder} holds two files of rank ${twice[0]}, plain and compressed: leave one`);
  return files;
}
