// The load matrix that expert placement reads: DeepSeek's EPLB calls it `weight`, [layers, num_logical_experts].
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import type { Client } from "@moescope/dashboard/api";
import { sumHistograms } from "@moescope/metrics";
import { Failure, WrongUse } from "../failure.ts";
import { npyBytes } from "./npy-file.ts";
import { type Selection, summedSteps } from "./step-pages.ts";

export interface LoadMatrix {
  run: string;
  split: string;
  firstStep: number;
  lastStep: number;
  /** Index of the transformer block of each row, ascending. */
  layers: number[];
  /** Assignments n_e added up over steps, ranks and categories: a row for each MoE layer, a column for each expert. */
  weight: number[][];
}

const forms: Record<string, (matrix: LoadMatrix) => string | Uint8Array> = {
  ".json": (matrix) => `${JSON.stringify(matrix)}\n`,
  ".npy": ({ weight }) => npyBytes(weight),
};

/** @throws WrongUse unless a matrix can be written under this name */
export function checkMatrixPath(path: string): void {
  if (Object.hasOwn(forms, extname(path).toLowerCase())) return;
  throw new WrongUse(`--out ${path}: a load matrix ends in ${Object.keys(forms).join(" or ")}`);
}

/** @throws Failure when no step of the selection has a histogram */
export async function exportLoadMatrix(client: Client, selection: Selection, path: string): Promise<string[]> {
  checkMatrixPath(path);
  const matrix = await readLoadMatrix(client, selection);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, forms[extname(path).toLowerCase()]!(matrix));
  return [path];
}

async function readLoadMatrix(client: Client, selection: Selection): Promise<LoadMatrix> {
  const bucket = await summedSteps(client, selection);
  const layers = bucket?.layers.filter(({ categories }) => categories.length > 0) ?? [];
  if (bucket === undefined || layers.length === 0) {
    throw new Failure(`Run ${selection.run.id} has no load in these steps: there is no matrix to write`);
  }
  return {
    run: selection.run.id,
    split: selection.splits[0]!,
    firstStep: bucket.firstStep,
    lastStep: bucket.lastStep,
    layers: layers.map(({ layer }) => layer),
    weight: layers.map(({ categories }) => [...sumHistograms(categories.map(({ counts }) => counts))]),
  };
}
