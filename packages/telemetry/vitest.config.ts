import { defineConfig } from "vitest/config";
import { sharedTestOptions } from "../../vitest.shared.ts";

// A process can have one embedded store open, so every file has its own; collectors are real, and a busy machine is slow.
const options = { pool: "forks", maxWorkers: 1, testTimeout: 30_000, hookTimeout: 30_000 } as const;

export default defineConfig({ test: { ...sharedTestOptions(import.meta.dirname), ...options } });
