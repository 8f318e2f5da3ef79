// Deletes a run from the store and from everything that remembers it.
import type { Logger } from "pino";
import type { Alerts } from "./alerts/alerts.ts";
import type { Batcher } from "./ingest/batch.ts";
import type { Introductions } from "./ingest/introductions.ts";
import type { Senders } from "./ingest/senders.ts";
import type { Sharing } from "./sharing.ts";
import type { FreeSpace } from "./store/engine/free-space.ts";
import type { Runs } from "./store/runs/runs.ts";
import type { Store } from "./store/store.ts";

export interface WhoRemembers {
  store: Store;
  freeSpace: FreeSpace;
  runs: Runs;
  introductions: Introductions;
  senders: Senders;
  batcher: Batcher;
  alerts: Alerts;
  sharing: Sharing;
  log: Logger;
}

/** @returns whether the run is deleted: not while it is reported */
export type DeleteRun = (run: string) => Promise<boolean>;

export function runDeletion({
  store,
  freeSpace,
  runs,
  introductions,
  senders,
  batcher,
  alerts,
  sharing,
  log,
}: WhoRemembers): DeleteRun {
  const deleteNow = async (run: string) => {
    if (runs.isReporting(run) || sharing.isReported(run)) return false;
    await sharing.take(run);
    await batcher.settled(run);
    await alerts.settled();
    await freeSpace.whileMerging(() => store.deleteRun(run));
    for (const each of [runs, senders, batcher, alerts]) each.forget(run);
    log.info({ run }, "run deleted");
    return true;
  };
  // While it works no stream is greeted, so no sender begins to report the run.
  return (run) => introductions.alone(() => deleteNow(run));
}
