// Small checkpoints for tests, and a folder that is gone after the test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { configurationOf } from "../recipe/run-configuration.ts";
import { checkpointFormat } from "./checkpoint.ts";
import type { NamedArray } from "./named-array.ts";
import type { Snapshot } from "./write-checkpoint.ts";

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "moescope-checkpoints-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Values that tell which step they belong to. */
export function stateOf(step: number, size = 64): NamedArray[] {
  const values = (add: number) => Float32Array.from({ length: size }, (_, i) => step + add + i / size);
  return [
    { name: "parameter/router", shape: [size / 8, 8], values: values(0) },
    { name: "parameter/norm", shape: [size], values: values(1) },
    { name: "first-moment/router", shape: [size / 8, 8], values: values(2) },
    { name: "optimizer/updates", shape: [], values: Float32Array.of(step) },
    { name: "strategy/bias/0", shape: [size], values: values(3) },
  ];
}

export function snapshotOf(step: number, { attempt = 0, size = 64 } = {}): Snapshot {
  const recipe = resolveRecipe({ recipe: "quick", strategy: "loss-free-bias" });
  const record = {
    format: checkpointFormat,
    run: { id: "quick-run", name: "quick-run", tags: [] },
    configuration: configurationOf(recipe, {}),
    categories: ["maths"],
    data: [],
    step,
    tokens: step * 10,
    attempt,
    codeVersion: "0.1.0",
    backend: "cpu",
    writtenAt: 1,
  };
  return { record, state: stateOf(step, size) };
}
