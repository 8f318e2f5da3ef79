// Options that every package's vitest shares: results as a file, from which .ci/run counts.
import { basename } from "node:path";
import type { ViteUserConfig } from "vitest/config";

/** @param packageRoot absolute path of the package whose tests run */
export function sharedTestOptions(packageRoot: string): NonNullable<ViteUserConfig["test"]> {
  return {
    include: ["**/*.test.{ts,tsx}"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Real training and real servers on a shared machine: only a hang is too slow.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "json"],
    outputFile: { json: `${import.meta.dirname}/test-results/${basename(packageRoot)}.json` },
  };
}
