// Where the next steps of a run are, however far apart.
import { v1 } from "@moescope/proto";
import { asNumber, DATABASE, type Database } from "../engine/database.ts";
import type { ShownAttempt } from "./attempts.ts";

export interface NextSteps {
  run: string;
  split: v1.Split;
  from: number;
  to: number;
  attempts: readonly ShownAttempt[];
  /** Condition that is true for rows of batches that exist. */
  exists: string;
}

/** @returns the last of the first so many steps in the range; `from` when there is none */
export async function lastOfNext(
  { run, split, from, to, attempts, exists }: NextSteps,
  most: number,
  database: Database,
): Promise<number> {
  const shown = attempts.map(({ attempt, from, before }) => {
    return `(attempt = ${attempt} AND step >= ${from} AND step < ${before})`;
  });
  const where = `run = {run:String} AND split = '${v1.Split[split]}' AND step >= ${from} AND step <= ${to} AND ${exists}`;
  const [row] = await database.rows(
    `SELECT max(step) FROM (SELECT DISTINCT step FROM ${DATABASE}.steps WHERE ${where} AND (${shown.join(" OR ") || "0"}) ORDER BY step LIMIT ${most})`,
    { run },
  );
  return Math.max(from, asNumber(row![0]));
}
