// A run by its id, or by the beginning of it that no other run shares.
import type { Client } from "@moescope/dashboard/api";
import type { v1 } from "@moescope/proto";
import { matchId } from "./match-id.ts";

/** A stored run: the API never answers one without its description. */
export type StoredRun = v1.RunSummary & { run: v1.RunDescription };

/** All runs, the newest first. */
export async function allRuns(client: Client): Promise<StoredRun[]> {
  const { runs } = await client.runs();
  return (runs as StoredRun[]).sort((a, b) => startOf(b) - startOf(a));
}

/** A run that says NaN comes last: no order has a place for it. */
function startOf({ run }: StoredRun): number {
  return run.startedAt || 0;
}

/** @throws WrongUse that names the nearest id, or all that begin so */
export function findRun(runs: readonly StoredRun[], wanted: string): StoredRun {
  const ids = runs.map(({ run }) => run.id);
  const id = matchId(ids, wanted, "no run is stored here", "`moescope runs` lists all");
  return runs.find(({ run }) => run.id === id)!;
}
