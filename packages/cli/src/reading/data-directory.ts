// The directory that a collector owns: where it is by default, and how to tell that a path is one.
import { existsSync } from "node:fs";
import { join } from "node:path";

export const defaultDataDirectory = "./moescope-data";

/** Whether a collector has stored something there. */
export function holdsStore(directory: string): boolean {
  return existsSync(join(directory, "store"));
}
