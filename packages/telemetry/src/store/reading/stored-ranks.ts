// Which ranks of a step are stored, and what they add up to: for ranks that arrive when the step is no longer in memory.
import type { v1 } from "@moescope/proto";
import { asNumber, asNumbers, DATABASE, type Database } from "../engine/database.ts";
import { UNSEALED } from "../schema/pieces.ts";
import type { SumOfRanks } from "../writing/step-sum.ts";
import { queryHistoryForWriter } from "./history.ts";

export type StepPlace = Pick<v1.Step, "run" | "split" | "attempt" | "step">;

/** @returns the ranks of those of the steps that any rank has sent */
export async function storedRanks(
  { run, split, attempt }: Omit<StepPlace, "step">,
  steps: readonly number[],
  { database, exists }: { database: Database; exists: string },
): Promise<Map<number, Set<number>>> {
  const rows = await database.rowsForWriter(
    `SELECT step, groupUniqArray(rank) FROM ${DATABASE}.steps
     WHERE run = {run:String} AND split = {split:Int8} AND attempt = {attempt:UInt32} AND step IN {steps:Array(UInt64)} AND ${exists}
     GROUP BY step`,
    { run, split, attempt, steps },
  );
  return new Map(rows.map(([step, ranks]) => [asNumber(step), new Set(asNumbers(ranks))]));
}

/** @returns the sum over the ranks of a step that are stored, of which there is at least one */
export async function storedSum(
  { run, split, attempt, step }: StepPlace,
  stored: ReadonlySet<number>,
  { ranks, layers }: { ranks: number; layers: readonly number[] },
  { database, exists }: { database: Database; exists: string },
): Promise<SumOfRanks> {
  const attempts = [{ attempt, from: step, before: step + 1 }];
  const stages = { sealed: () => UNSEALED, singleFrom: () => 0 };
  const range = { run, split, from: step, to: step, points: 1, layers, attempts, ...stages, ranks, exists };
  const { buckets } = await queryHistoryForWriter(range, database);
  return { ranks: stored.size, lowestRank: Math.min(...stored), bucket: buckets[0]! };
}
