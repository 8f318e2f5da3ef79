// How late the data of the live runs on screen is.
import type { ChosenRun } from "../data/chosen-runs.ts";
import { latenessOf } from "../data/lateness.ts";
import { isLive } from "../data/run-state.ts";
import type { Scene } from "../data/scene.ts";
import { useNow } from "./use-now.ts";

/** @returns the greatest lateness, milliseconds; undefined while all is in time, or the connection is lost, which is said elsewhere */
export function useLateness({ histories, connection, clockOffset, split }: Scene): number | undefined {
  const grows = ({ summary, attempt }: ChosenRun) =>
    isLive(summary) && (attempt === undefined || attempt === summary.attempts?.at(-1)?.attempt);
  const watched =
    connection.state === "open" && split === "train" ? histories.filter(({ chosen }) => grows(chosen)) : [];
  const now = useNow(watched.length > 0) + clockOffset;
  const late = watched.flatMap(({ buckets }) => latenessOf(buckets, now) ?? []);
  return late.length === 0 ? undefined : Math.max(...late);
}
