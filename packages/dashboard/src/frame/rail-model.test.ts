import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { syntheticRun, syntheticSummary } from "../testing/synthetic-run.ts";
import { railRows } from "./rail-model.ts";

const summaries = [
  { ...syntheticSummary(12, { id: "aux-7" }), tokens: 12_000 },
  {
    run: { ...syntheticRun({ id: "free-9", strategy: "loss-free-bias" }), tags: ["sweep"] },
    state: v1.RunSummary.State.FINISHED,
    loss: Number.NaN,
  },
];
const found = (search: string) => railRows(summaries, new Map(), new Set(), search).map(({ id }) => id);

test("every word of the search has to occur somewhere", () => {
  expect(found("")).toEqual(["aux-7", "free-9"]);
  expect(found("  LOSS-free ")).toEqual(["free-9"]);
  expect(found("sweep finished")).toEqual(["free-9"]);
  expect(found("sweep live")).toEqual([]);
  expect(found("seed 7")).toEqual(["aux-7", "free-9"]);
});

test("a row holds what the list shows", () => {
  const [first, second] = railRows(summaries, new Map([["aux-7", 3]]), new Set(["aux-7"]), "");
  expect(first).toMatchObject({
    name: "aux-7 name",
    state: "live",
    colour: 3,
    shown: true,
    loss: "0.333",
    progress: { text: "12 of 100" },
  });
  expect(second).toMatchObject({ loss: "–", maxViolation: "–", shown: false });
});
