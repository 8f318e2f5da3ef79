// A run by its id, or by the beginning of it that no other run shares.
import type { Client } from "@moescope/dashboard/api";
import type { v1 } from "@moescope/proto";
import { closest } from "fastest-levenshtein";
import { WrongUse } from "../failure.ts";

/** A stored run: the API never answers one without its description. */
export type StoredRun = v1.RunSummary & { run: v1.RunDescription };

/** All runs, the newest first. */
export async function allRuns(client: Client): Promise<StoredRun[]> {
  const { runs } = await client.runs();
  return (runs as StoredRun[]).sort((a, b) => b.run.startedAt - a.run.startedAt);
}

/** @throws WrongUse that names the nearest id, or all that begin so */
export function findRun(runs: readonly StoredRun[], wanted: string): StoredRun {
  const exact = runs.find(({ run }) => run.id === wanted);
  if (exact) return exact;
  const [match, ...others] = runs.filter(({ run }) => run.id.startsWith(wanted));
  if (match && others.length === 0) return match;
  const ids = (match ? [match, ...others] : runs).map(({ run }) => run.id);
  if (match) throw new WrongUse(`Run "${wanted}" may be ${ids.join(" or ")}; write more of the id`);
  if (ids.length === 0) throw new WrongUse(`Unknown run "${wanted}"; no run is stored here`);
  throw new WrongUse(`Unknown run "${wanted}"; did you mean "${closest(wanted, ids)}"? \`moescope runs\` lists all`);
}
