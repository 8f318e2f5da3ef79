import { v1 } from "@moescope/proto";
import { describe, expect, test } from "vitest";
import { syntheticRun, syntheticSummary } from "../testing/synthetic-run.ts";
import { attemptChoices, attemptOf, attemptParameter, chooseRuns, runLabels, toggleRun } from "./chosen-runs.ts";
import { distinctColours, RUN_COLOURS, runColours } from "./run-colours.ts";

const { LIVE, FINISHED } = v1.RunSummary.State;
const summary = (id: string, startedAt: number, state = FINISHED) => syntheticSummary(1, { id, startedAt }, state);

describe("which runs are on screen", () => {
  const summaries = [summary("c", 3), summary("a", 1, LIVE), summary("b", 2), summary("z", 0)];

  test("the newest two and every live one, in the order they started", () => {
    expect(chooseRuns("newest", summaries)).toEqual({ ids: ["a", "b", "c"], unknown: [] });
    expect(chooseRuns("newest", [])).toEqual({ ids: [], unknown: [] });
  });

  test("those of the address in its order, unknown ones apart", () => {
    expect(chooseRuns(["c", "gone", "z"], summaries)).toEqual({ ids: ["c", "z"], unknown: ["gone"] });
    expect(chooseRuns([], summaries)).toEqual({ ids: [], unknown: [] });
  });

  test("a run is put on screen or taken off, six at most", () => {
    expect(toggleRun(["a", "b"], "a")).toEqual(["b"]);
    expect(toggleRun(["a"], "b")).toEqual(["a", "b"]);
    expect(toggleRun(["a", "b", "c", "d", "e", "f"], "g")).toBeUndefined();
  });
});

test("labels are the shortest that tell the runs apart", () => {
  const run = (id: string, strategy: string, seed: number) => ({ ...syntheticRun({ id, strategy }), seed });
  expect(runLabels([run("1", "none", 1), run("2", "loss-free-bias", 1)])).toEqual(["no balancing", "loss-free-bias"]);
  expect(runLabels([run("1", "none", 1), run("2", "none", 2)])).toEqual([
    "no balancing · seed 1",
    "no balancing · seed 2",
  ]);
  expect(runLabels([run("1", "none", 1), run("2", "none", 1)])).toEqual(["1 name", "2 name"]);
  expect(runLabels([run("1", "", 0)])).toEqual(["1 name"]);
  expect(runLabels([run("1", "", 0), run("2", "none", 1)])).toEqual(["1 name", "2 name"]);
});

describe("colours of runs", () => {
  const runs = Array.from({ length: 40 }, (_, index) => syntheticRun({ id: `run-${index}`, startedAt: index }));

  test("neighbours differ, and later runs change nothing", () => {
    const all = runColours(runs);
    for (let index = 1; index < runs.length; index++)
      expect(all.get(`run-${index}`)).not.toBe(all.get(`run-${index - 1}`));
    const before = runColours(runs.slice(0, 20).reverse());
    for (const [id, colour] of before) expect(all.get(id)).toBe(colour);
  });

  test("runs on screen together all differ, and the first keeps its own", () => {
    const own = runColours(runs);
    const ids = ["run-3", "run-9", "run-14", "run-22", "run-30", "run-37"];
    const distinct = distinctColours(ids, own);
    expect(new Set(ids.map((id) => distinct.get(id))).size).toBe(RUN_COLOURS);
    expect(distinct.get("run-3")).toBe(own.get("run-3"));
    // Blue and sky, vermilion and orange are not both used while another hue is free.
    const similar = new Map([
      ["a", 1],
      ["b", 4],
      ["c", 0],
      ["d", 5],
    ]);
    expect([...distinctColours(["a", "b", "c", "d"], similar).values()]).toEqual([1, 5, 2, 3]);
  });
});

test("an earlier attempt can be chosen of runs that were restarted, and of no others", () => {
  const attempts = [
    { attempt: 0, firstStep: 0, lastStep: 119 },
    { attempt: 1, firstStep: 100, lastStep: 399 },
  ];
  const restarted = { run: { id: "a" }, attempts };
  const once = { run: { id: "b" }, attempts: attempts.slice(0, 1) };
  expect([attemptOf(restarted, 0), attemptOf(restarted, 7), attemptOf(once, 0)]).toEqual([0, undefined, undefined]);
  expect(attemptChoices([{ summary: restarted }, { summary: once }])).toEqual([
    { value: "0", text: "attempt 0, steps 0–119" },
    { value: "1", text: "attempt 1, steps 100–399" },
  ]);
  expect(attemptChoices([{ summary: restarted }, { summary: restarted }])[0]!.text).toBe("attempt 0");
  expect(attemptChoices([{ summary: once }])).toEqual([]);
  expect([attemptParameter({ attempt: 0 }), attemptParameter({})]).toEqual([{ attempt: 0 }, {}]);
});
