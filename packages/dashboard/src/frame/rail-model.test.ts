import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { syntheticRun, syntheticSummary } from "../testing/synthetic-run.ts";
import { railRow } from "./rail-model.ts";

const summaries = [
  { ...syntheticSummary(12, { id: "aux-7" }), tokens: 12_000 },
  {
    run: { ...syntheticRun({ id: "free-9", strategy: "loss-free-bias" }), tags: ["sweep"] },
    state: v1.RunSummary.State.FINISHED,
    loss: Number.NaN,
  },
];

test("a row holds what the list shows", () => {
  const [first, second] = summaries.map((summary) =>
    railRow(summary, new Map([["aux-7", 3]]), new Set(["aux-7"]), { "free-9": { pinned: true } }),
  );
  expect(first).toMatchObject({
    name: "aux-7 name",
    state: "live",
    colour: 3,
    shown: true,
    pinned: false,
    loss: "0.333",
    progress: { text: "12 of 100" },
  });
  expect(second).toMatchObject({ loss: "–", maxViolation: "–", shown: false, pinned: true });
});
