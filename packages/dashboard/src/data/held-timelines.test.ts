import { expect, test } from "vitest";
import { syntheticBuckets } from "../testing/synthetic-run.ts";
import type { Arrival } from "./arrival.ts";
import { holdTimelines, shownOf } from "./held-timelines.ts";
import type { RunTimeline } from "./run-timeline.ts";

const timeline = (run: string, split: RunTimeline["split"], status: Arrival): [string, RunTimeline] => {
  const buckets = status === "ready" ? syntheticBuckets(2) : [];
  return [
    run,
    {
      run,
      attempt: undefined,
      split,
      layer: 0,
      wanted: 0,
      status,
      error: undefined,
      buckets,
      width: 1,
      newest: undefined,
    },
  ];
};
const hold = (before: [string, RunTimeline][], now: [string, RunTimeline][]) => {
  const { timelines, held } = holdTimelines(new Map(before), new Map(now));
  return [held, ...[...timelines.values()].map(({ run, split, status }) => `${run} ${split} ${status}`)];
};

test("all runs change split together, when the last has come or failed", () => {
  const before = [timeline("a", "train", "ready"), timeline("b", "train", "ready")];
  const [a, b] = [timeline("a", "eval", "ready"), timeline("b", "eval", "loading")];
  expect(hold(before, [a, b])).toEqual([true, "a train ready", "b train ready"]);
  expect(hold(before, [a, timeline("b", "eval", "failed")])).toEqual([false, "a eval ready", "b eval failed"]);
});

test("a run added meanwhile is loading, though its own split is here; one taken off goes at once", () => {
  const before = [timeline("a", "train", "ready"), timeline("b", "train", "ready")];
  const now = [timeline("a", "eval", "loading"), timeline("c", "eval", "ready")];
  expect(hold(before, now)).toEqual([true, "a train ready", "c eval loading"]);
});

test("nothing is held where nothing was on screen", () => {
  const loading = timeline("a", "train", "loading");
  expect(hold([], [loading])).toEqual([false, "a train loading"]);
  expect(hold([loading], [loading, timeline("b", "train", "ready")])).toEqual([
    false,
    "a train loading",
    "b train ready",
  ]);
});

test("split and layer on screen are those of the timelines that are here", () => {
  const wanted = { split: "eval", layer: 3 } as const;
  const [, here] = timeline("a", "train", "ready");
  expect(shownOf([timeline("b", "eval", "loading")[1], here], wanted)).toEqual({ split: "train", layer: 0 });
  expect(shownOf([{ ...here, layer: undefined }], wanted)).toEqual({ split: "train", layer: 3 });
  expect(shownOf([timeline("a", "eval", "failed")[1]], wanted)).toEqual(wanted);
});
