import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { syntheticBuckets, syntheticChosen } from "../testing/synthetic-run.ts";
import type { RunHistory } from "./run-history.ts";
import type { RunTimeline } from "./run-timeline.ts";
import { shownQuery, zoomAround, zoomedHistory, zoomQuery } from "./zoom.ts";

const timeline = (count: number, width: number): RunTimeline => ({
  run: "r",
  split: "train",
  layer: 1,
  wanted: 1,
  attempt: undefined,
  status: "ready",
  error: undefined,
  buckets: syntheticBuckets(count, {}, width),
  width,
  newest: undefined,
});
const whole = (count: number, width: number): RunHistory => ({
  chosen: syntheticChosen({}, count),
  lead: [],
  ...timeline(count, width),
});
const detail = (from: number, to: number, width: number): v1.History =>
  v1.History.fromObject({
    run: "r",
    bucketWidth: width,
    buckets: syntheticBuckets(to + 1, {}, width).filter(({ firstStep }) => (firstStep ?? 0) >= from),
  });
const spans = ({ buckets }: RunHistory) => buckets.map(({ firstStep = 0, lastStep = 0 }) => [firstStep, lastStep]);

test("a zoom asks for the range, with the layer that is shown", () => {
  expect(zoomQuery(timeline(64, 8), [10, 30], 400, false)).toEqual({
    run: "r",
    split: "train",
    from: 10,
    to: 30,
    points: 400,
    layers: [1],
  });
});

test("a zoom asks for whole buckets", () => {
  expect(zoomQuery(timeline(64, 8), [9, 30], 8, false)).toMatchObject({ from: 8, to: 31 });
  expect(zoomQuery(timeline(64, 8), [9, 63], 8, false)).toMatchObject({ from: 8, to: 63 });
});

test("nothing is asked where every step is here, or the range has none", () => {
  expect(zoomQuery(timeline(64, 1), [10, 30], 400, false)).toBeUndefined();
  expect(zoomQuery(timeline(64, 8), [64, 90], 400, false)).toBeUndefined();
});

test("the end of a growing run moves in strides, of a finished one it is its last step", () => {
  const ends = [1000, 1001, 1016].map((count) => zoomQuery(timeline(count, 8), [900, 9999], 400, true)!.to);
  expect(ends).toEqual([991, 991, 1007]);
  expect(zoomQuery(timeline(1000, 8), [900, 9999], 400, false)!.to).toBe(999);
});

test("until the detail is here the coarse buckets of the range are shown, and the steps before lead", () => {
  const zoomed = zoomedHistory(whole(64, 8), [17, 30], undefined);
  expect(spans(zoomed)).toEqual([
    [16, 23],
    [24, 31],
  ]);
  expect([zoomed.width, zoomed.lead.map(({ lastStep }) => lastStep)]).toEqual([8, [7, 15]]);
});

test("the detail takes their place, and what came since fills in behind it", () => {
  const zoomed = zoomedHistory(whole(64, 8), [20, 63], detail(20, 47, 4));
  expect(spans(zoomed)).toEqual([
    [20, 23],
    [24, 27],
    [28, 31],
    [32, 35],
    [36, 39],
    [40, 43],
    [44, 47],
    [48, 55],
    [56, 63],
  ]);
  expect(zoomed.width).toBe(4);
});

test("the detail of another range fills what it can", () => {
  expect(spans(zoomedHistory(whole(64, 8), [0, 31], detail(8, 15, 4)))).toEqual([
    [0, 7],
    [8, 11],
    [12, 15],
    [16, 23],
    [24, 31],
  ]);
});

test("keys zoom around the cursor, never beyond the run, and out to the whole of it", () => {
  const cursor = { live: false, step: 500, last: 999, stride: 1 };
  expect(zoomAround(undefined, cursor, 0.5)).toEqual([250, 749]);
  expect(zoomAround([250, 749], { ...cursor, step: 260 }, 0.5)).toEqual([135, 384]);
  expect(zoomAround(undefined, { ...cursor, live: true, step: 999 }, 0.5)).toEqual([500, 999]);
  expect(zoomAround([250, 749], cursor, 2)).toBeUndefined();
  expect(zoomAround([498, 501], cursor, 0.5)).toEqual([498, 501]);
});

test("while a history is on its way the summary says what to ask for, of the attempt on screen", () => {
  const chosen = syntheticChosen({}, 1000);
  const waiting = { chosen, buckets: [], status: "loading" as const };
  const settled = shownQuery({ ...whole(1000, 1), chosen }, undefined);
  expect(shownQuery(waiting, undefined)).toEqual(settled);
  const attempts = [
    { attempt: 0, lastStep: 499 },
    { attempt: 1, lastStep: 999 },
  ];
  const summary = { ...chosen.summary, state: v1.RunSummary.State.FINISHED, attempts };
  expect(shownQuery({ ...waiting, chosen: { ...chosen, summary, attempt: 0 } }, undefined)).toMatchObject({
    to: 499,
    attempt: 0,
  });
  expect(shownQuery({ ...waiting, status: "ready" }, undefined)).toBeUndefined();
});
