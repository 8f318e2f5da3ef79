// What was on screen stays there until what was asked for instead has come.
import type { SplitName } from "../api/client.ts";
import type { RunTimeline } from "./run-timeline.ts";

type Timelines = ReadonlyMap<string, RunTimeline>;

/**
 * While a run that was on screen waits for another split or layer, all that were stay as they were, so that one card never mixes splits
 * or layers. A run that is new says that it is loading, and so does one without the counts of any layer where those are needed.
 */
export function holdTimelines(before: Timelines, now: Timelines): { timelines: Timelines; held: boolean } {
  const settled = (run: string) => {
    const timeline = before.get(run);
    if (timeline?.status === "loading") return undefined;
    return timeline?.layer === undefined && now.get(run)?.wanted !== undefined ? undefined : timeline;
  };
  const held = [...now].some(([run, { status }]) => status === "loading" && settled(run) !== undefined);
  if (!held) return { timelines: now, held };
  const kept = [...now].map(([run, timeline]): [string, RunTimeline] => [
    run,
    settled(run) ?? { ...timeline, status: "loading", buckets: [], newest: undefined },
  ]);
  return { timelines: new Map(kept), held };
}

/** @returns split and layer that the timelines carry; as wanted where none is here */
export function shownOf(
  timelines: readonly RunTimeline[],
  wanted: { split: SplitName; layer: number | undefined },
): { split: SplitName; layer: number | undefined } {
  const ready = timelines.filter(({ status }) => status === "ready");
  const counted = ready.find(({ layer }) => layer !== undefined);
  return { split: ready[0]?.split ?? wanted.split, layer: counted?.layer ?? wanted.layer };
}
