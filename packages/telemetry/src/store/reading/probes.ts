// What a run's probes found: attention by token class, profiles of heads, saturation of routers.
import { v1 } from "@moescope/proto";
import { asNumber, asNumbers, DATABASE, type Database } from "../engine/database.ts";
import type { ShownAttempt } from "./attempts.ts";

export interface ProbeRequest {
  run: string;
  /** The newest probe at or before this step is wanted. */
  step: number;
  attempts: readonly ShownAttempt[];
  /** Condition that is true for rows of batches that exist. */
  exists: string;
}

/** @returns without any probe, one that names the run alone; without one early enough, their steps as well */
export async function queryProbe(request: ProbeRequest, database: Database): Promise<v1.Probe> {
  const found = await probeSteps(request, database);
  const probe = new v1.Probe({ run: request.run, steps: found.map(({ step }) => step) });
  const newest = found.findLast(({ step }) => step <= request.step);
  if (newest === undefined) return probe;
  const read = reader(request, newest, database);
  return Object.assign(probe, newest, {
    scalars: await scalars(read),
    attention: await attention(read),
    heads: await heads(read),
    saturation: await saturation(read),
  });
}

interface ProbeStep {
  step: number;
  attempt: number;
}

/** Reads columns of a table's rows of one probe; every rank measures the same, so the lowest that has sent it is read. */
type Reader = (table: string, columns: string[], by: string[]) => Promise<unknown[][]>;

function reader({ run, exists }: ProbeRequest, { step, attempt }: ProbeStep, database: Database): Reader {
  return (table, columns, by) => {
    const onePerPlace = by.length > 0 ? `LIMIT 1 BY ${by.join(", ")}` : "LIMIT 1";
    return database.rows(
      `SELECT ${columns.join(", ")} FROM ${DATABASE}.${table}
       WHERE run = {run:String} AND split = 'PROBE' AND step = ${step} AND attempt = ${attempt} AND ${exists}
       ORDER BY ${[...by, "rank"].join(", ")} ${onePerPlace}`,
      { run },
    );
  };
}

async function probeSteps({ run, attempts, exists }: ProbeRequest, database: Database): Promise<ProbeStep[]> {
  const shown = attempts.map((a) => `(attempt = ${a.attempt} AND step >= ${a.from} AND step < ${a.before})`);
  const rows = await database.rows(
    `SELECT DISTINCT step, attempt FROM ${DATABASE}.steps
     WHERE run = {run:String} AND split = 'PROBE' AND ${exists} AND (${shown.join(" OR ") || "0"}) ORDER BY step`,
    { run },
  );
  return rows.map(([step, attempt]) => ({ step: asNumber(step), attempt: asNumber(attempt) }));
}

async function scalars(read: Reader): Promise<v1.Scalar[]> {
  const [row] = await read("steps", ["scalar_names", "scalar_values"], []);
  const values = asNumbers(row![1]);
  return (row![0] as string[]).map((name, index) => new v1.Scalar({ name, value: values[index]! }));
}

async function attention(read: Reader): Promise<v1.AttentionByToken[]> {
  const rows = await read("attention", ["layer", "head", "token_class", "share"], ["layer", "head"]);
  return rows.map(([layer, head, tokenClass, share]) => {
    const place = { layer: asNumber(layer), head: asNumber(head) };
    return new v1.AttentionByToken({ ...place, tokenClass: tokenClass as string[], share: asNumbers(share) });
  });
}

async function heads(read: Reader): Promise<v1.HeadProfile[]> {
  const scores = ["previous_token", "first_token", "induction", "local", "broad"];
  const rows = await read("heads", ["layer", "head", ...scores], ["layer", "head"]);
  return rows.map((row) => {
    const [layer, head, previousToken, firstToken, induction, local, broad] = row.map(asNumber) as [
      ...[layer: number, head: number],
      ...[previousToken: number, firstToken: number, induction: number, local: number, broad: number],
    ];
    return new v1.HeadProfile({ layer, head, previousToken, firstToken, induction, local, broad });
  });
}

async function saturation(read: Reader): Promise<v1.RouterSaturation[]> {
  const rows = await read("saturation", ["layer", "earlier_step", "share"], ["layer"]);
  return rows.map(([layer, earlierStep, share]) => {
    return new v1.RouterSaturation({
      layer: asNumber(layer),
      earlierStep: asNumbers(earlierStep),
      share: asNumbers(share),
    });
  });
}
