// Which ranks of a step are stored, and what they add up to: for ranks that arrive when the step is no longer in memory.

import { busiestExperts, type StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { asNumber, asNumbers, DATABASE, type Database } from "../engine/database.ts";
import { UNSEALED } from "../schema/pieces.ts";
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
): Promise<StepSum> {
  const attempts = [{ attempt, from: step, before: step + 1 }];
  const stages = { sealed: () => UNSEALED, singleFrom: () => 0 };
  const range = { run, split, from: step, to: step, points: 1, layers, attempts, ...stages, ranks, exists };
  const { buckets } = await queryHistoryForWriter(range, database);
  const bucket = buckets[0]!;
  const scalars = await shownScalars({ run, split, attempt, step }, { database, exists });
  // Which rank a bias came from is not stored.
  return { ranks: stored.size, bucket, busiest: busiestExperts(bucket), shown: { scalars, biases: new Map() } };
}

/** @returns by name of a scalar, the lowest rank that has a value of it */
async function shownScalars(
  { run, split, attempt, step }: StepPlace,
  { database, exists }: { database: Database; exists: string },
): Promise<Map<string, number>> {
  const [row] = await database.rowsForWriter(
    `SELECT (minMap(names, arrayMap(name -> rank, names)) AS lowest).1, lowest.2
     FROM (SELECT rank, arrayFilter((name, value) -> NOT isNaN(value), scalar_names, scalar_values) AS names FROM ${DATABASE}.steps
       WHERE run = {run:String} AND split = {split:Int8} AND step = {step:UInt64} AND attempt = {attempt:UInt32} AND ${exists})`,
    { run, split, step, attempt },
  );
  const [names, ranks] = row as [string[], unknown[]];
  return new Map(names.map((name, index) => [name, asNumber(ranks[index])]));
}
