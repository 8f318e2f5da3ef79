import { expect, test } from "vitest";
import { syntheticSummary } from "../testing/synthetic-run.ts";
import { annotationOf, markedColours, markedSummaries, withMark } from "./run-marks.ts";

const runs = ["a", "b", "c"].map((id) => syntheticSummary(3, { id }));

test("a name, tags and a pin of one's own; what the collector says stays", () => {
  const marks = { b: { pinned: true, name: "baseline", tags: ["paper"] } };
  const marked = markedSummaries(runs, marks);
  expect(marked.map(({ run }) => run?.name)).toEqual(["baseline", "a name", "c name"]);
  expect(marked[0]).toEqual({ ...runs[1], run: { ...runs[1]!.run, name: "baseline", tags: ["paper"] } });
  expect(marked[1]).toBe(runs[0]);
});

test("what is written on a run at the collector; what this browser still has of earlier stands before it", () => {
  const [run] = runs;
  const annotation = { name: "ours", tags: ["shared"], notes: "" };
  const [marked] = markedSummaries([{ ...run!, annotation }], {});
  expect(marked!.run).toMatchObject({ name: "ours", tags: ["shared"] });
  expect(annotationOf({ annotation }, { name: "mine", pinned: true })).toEqual({ name: "mine", tags: ["shared"] });
  expect(annotationOf({}, undefined)).toEqual({});
});

test("a colour of one's own", () => {
  const own = new Map([
    ["a", 1],
    ["b", 2],
  ]);
  expect([...markedColours(own, { a: { colour: 4 } })]).toEqual([
    ["a", 4],
    ["b", 2],
  ]);
});

test("taking off the last mark leaves nothing behind", () => {
  const marks = withMark({}, "a", { notes: "look at layer 3", tags: ["x"] });
  expect(marks).toEqual({ a: { notes: "look at layer 3", tags: ["x"] } });
  expect(withMark(withMark(marks, "a", { notes: "" }), "a", { tags: [] })).toEqual({});
});
