// Finished runs side by side: what each strategy cost and bought, from what is stored of them.
import type { Client } from "@moescope/dashboard/api";
import { decimal, whole } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { balanceAtEnd, layerBalance } from "./balance.ts";
import type { StoredRun } from "./find-run.ts";

export interface ComparedRun {
  run: string;
  strategy: string;
  /** Nats a token over the held-out text. */
  validationLoss: number;
  /** Mean over layers and over the steps of the last tenth. */
  maxViolationBatch: number;
  /** Of the validation set, mean over layers. */
  maxViolationGlobal: number;
  /** Layer-expert pairs that no, or almost no, token of the validation set reached. */
  deadExperts: number;
  /** Training assignments that found their expert full. */
  dropped: number;
  /** Over all training steps, evaluations not counted. */
  tokensPerSecond: number;
}

export async function compareRun(client: Client, summary: StoredRun): Promise<ComparedRun> {
  const { run, lastStep, tokens, validationLoss, validationMaxViolation } = summary;
  const atEnd = await balanceAtEnd(client, summary);
  const [training] = (await client.history({ run: run.id, points: 1 })).buckets;
  const atLastStep = { from: lastStep, to: lastStep, points: 1, layers: "all" } as const;
  const [evaluation] = (await client.history({ run: run.id, split: "eval", ...atLastStep })).buckets;
  const stepTime = training?.scalars.find(({ name }) => name === "step_time");
  return {
    run: run.id,
    strategy: run.strategy,
    validationLoss,
    maxViolationBatch: sum(atEnd.layers.map((layer) => layer.maxViolationBatch)) / atEnd.layers.length,
    maxViolationGlobal: validationMaxViolation,
    deadExperts: sum((evaluation?.layers ?? []).map((layer) => layerBalance(layer).deadExperts.length)),
    dropped: sum((training?.layers ?? []).map(({ dropped }) => dropped)),
    tokensPerSecond: tokens / (stepTime?.sum ?? Number.NaN),
  };
}

export function formatComparison(runs: readonly ComparedRun[]): string {
  return formatTable(runs, columns);
}

const columns: Column<ComparedRun>[] = [
  { title: "strategy", value: ({ strategy }) => strategy },
  { title: "validation loss", value: ({ validationLoss }) => decimal(validationLoss, 4), right: true },
  { title: "MaxVio batch", value: ({ maxViolationBatch }) => decimal(maxViolationBatch, 3), right: true },
  { title: "MaxVio global", value: ({ maxViolationGlobal }) => decimal(maxViolationGlobal, 3), right: true },
  { title: "dead experts", value: ({ deadExperts }) => whole(deadExperts), right: true },
  { title: "dropped tokens", value: ({ dropped }) => whole(dropped), right: true },
  { title: "tokens/s", value: ({ tokensPerSecond }) => whole(tokensPerSecond), right: true },
];

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
