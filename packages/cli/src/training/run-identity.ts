// The id of a new run, readable and unique, and the version of the code that trains it.
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Recipe } from "@moescope/trainer";

/** Crockford's base 32: no letters that look like digits. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** As in `demo-loss-free-bias-s1-7k3m0q`. */
export function newRunId({ recipe, balancing, seed }: Recipe): string {
  const unique = Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]).join("");
  // Ids are made of letters, digits, ".", "_" and "-": a "+" combines strategies.
  return `${recipe}-${balancing.strategy.replace(/[^\w.-]+/g, "-")}-s${seed}-${unique}`;
}

/** Version of the package, and the commit where this is a checkout, as in `0.1.0+cb96ea6-dirty`. */
export function codeVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const commit = commitOf(import.meta.dirname);
  return commit ? `${version}+${commit}` : version;
}

function commitOf(directory: string): string | undefined {
  const describe = ["describe", "--always", "--dirty", "--exclude=*"];
  try {
    return execFileSync("git", describe, {
      cwd: directory,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined; // no git, or not a checkout: the version alone
  }
}
