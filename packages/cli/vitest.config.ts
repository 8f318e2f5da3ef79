import { defineConfig } from "vitest/config";
import { sharedTestOptions } from "../../vitest.shared.ts";

export default defineConfig({
  test: {
    ...sharedTestOptions(import.meta.dirname),
    // Every test starts processes that train, collect or both; two cores do a pair of them well.
    maxWorkers: 1,
  },
});
