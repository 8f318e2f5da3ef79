import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { syntheticBuckets, syntheticRun } from "../testing/synthetic-run.ts";
import { grownLoads, growthQuery, loadQuery, packLoads } from "./run-loads.ts";

test("a small run is one request at screen resolution", () => {
  expect(loadQuery(syntheticRun({ layers: [1, 3], experts: 16 }), "train", [0, 99_999])).toEqual({
    ...{ run: "r", split: "train", from: 0, to: 99_999 },
    points: 400,
    layers: "all",
    categories: "together",
  });
});

test("a large one is one request of fewer points, as many as the collector answers at once", () => {
  const layers = Array.from({ length: 58 }, (_, place) => place + 3);
  const { points } = loadQuery(syntheticRun({ layers, experts: 256 }), "train", [0, 99_999])!;
  expect(points).toBeGreaterThanOrEqual(32);
  expect(points * layers.length * 256 * (1 + 2)).toBeLessThanOrEqual(4_000_000);
});

test("a run without MoE layers asks for nothing", () => {
  expect(loadQuery(syntheticRun({ layers: [] }), "train", [0, 9])).toBeUndefined();
});

const run = syntheticRun();
const loadsOf = (count: number, width: number, from = 0) => {
  const buckets = syntheticBuckets(count, {}, width).filter(({ firstStep = 0 }) => firstStep >= from);
  return packLoads(run, v1.History.fromObject({ bucketWidth: width, buckets }));
};
const upTo = (to: number, points: number) => ({ ...loadQuery(run, "train", [0, to])!, points });

test("of a run that has grown only what was added is asked for, and together it is the whole", () => {
  const known = loadsOf(10, 4);
  const growth = growthQuery(known, upTo(14, 4))!;
  // The last bucket had two steps of four.
  expect(growth).toMatchObject({ from: 8, to: 14, points: 2 });
  expect(grownLoads(known, loadsOf(15, 4, 8))).toEqual(loadsOf(15, 4));
});

test("a growth answers in buckets of the same width, wherever it ends", () => {
  // The collector's rule: the smallest power of two with which the range needs no more buckets than points.
  const widthOf = ({ from, to, points }: { from: number; to: number; points: number }) => {
    let width = 1;
    while (Math.floor(to / width) - Math.floor(from / width) + 1 > points) width *= 2;
    return width;
  };
  for (let to = 10; to < 16; to++) {
    const growth = growthQuery(loadsOf(10, 4), upTo(to, 4))!;
    if (growth.points > 1) expect(widthOf(growth)).toBe(4);
  }
});

test("loads that end later are no beginning", () => {
  expect(growthQuery(loadsOf(10, 1), upTo(5, 400))).toBeUndefined();
});

test("where the buckets get wider all is asked for again", () => {
  expect(growthQuery(loadsOf(10, 4), upTo(16, 4))).toBeUndefined();
});
