// From a plan to the order that a training process carries out.
import { resolve } from "node:path";
import { recipeIn } from "@moescope/trainer";
import type { TrainingOrder } from "./messages.ts";
import { codeVersion } from "./run-identity.ts";
import type { RunPlan } from "./run-plan.ts";

export interface KeepingOptions {
  /** Steps between checkpoints, and how many of them are kept. */
  checkpointEvery: number;
  checkpointsKept: number;
  backend?: string;
}

/** A run goes on where it began: on another backend its steps would not be the same, bit for bit. */
export function backendOf({ resume }: RunPlan, { backend }: Pick<KeepingOptions, "backend">): string | undefined {
  return backend ?? resume?.record.backend;
}

/** @returns the order without a collector */
export function orderOf(plan: RunPlan, options: KeepingOptions): TrainingOrder {
  const { configuration, run, folder, resume, from } = plan;
  const { checkpointEvery, checkpointsKept } = options;
  return {
    recipe: recipeIn(configuration),
    sources: configuration.sources,
    tokenizer: configuration.tokenizer,
    backend: backendOf(plan, options),
    identity: { ...run, codeVersion: codeVersion() },
    ...(folder !== undefined && {
      checkpoints: { folder: resolve(folder), every: checkpointEvery, kept: checkpointsKept },
    }),
    resume: resume?.path,
    parent: configuration.parent,
    from,
  };
}
