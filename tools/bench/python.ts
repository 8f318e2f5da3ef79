// Finds a Python that has PyTorch, for benches that compare with it.
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { measureInChild } from "./child.ts";

export const INSTALL_TORCH =
  "`node tools/python-client.mjs install` makes a Python that has it, or `MOESCOPE_PYTHON=VENV/bin/python npm run bench` names one";

export async function findPythonWithTorch(): Promise<string | undefined> {
  for (const python of [process.env.MOESCOPE_PYTHON, ...installed(), "python3"]) {
    if (!python || (python.includes("/") && !existsSync(python))) continue;
    const found = await measureInChild<{ torch: boolean }>(
      python,
      ["-c", "import torch; print('{\"torch\": true}')"],
      process.env,
    ).catch(
      () => undefined, // no such Python, or one without torch: the next is tried, and the table says when none was found
    );
    if (found) return python;
  }
  return undefined;
}

/** Those that tools/python-client.mjs has made for the tests. */
function installed(): string[] {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "moescope");
  if (!existsSync(cache)) return [];
  const made = readdirSync(cache).filter((name) => name.startsWith("python-client"));
  return made.map((name) => join(cache, name, "bin/python"));
}
