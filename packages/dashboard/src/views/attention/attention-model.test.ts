import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { attentionByTokenModel } from "../../figures/attention-by-token-model.ts";
import { headsByBinModel } from "../../figures/heads-by-bin-model.ts";
import { syntheticChosen } from "../../testing/synthetic-run.ts";
import {
  attentionReading,
  attentionSentence,
  attentionState,
  binReading,
  binsSentence,
  type ProbeAnswer,
  probeAt,
  probeSteps,
  shownLayers,
} from "./attention-model.ts";

const chosen = syntheticChosen({ id: "r" });
const probe: v1.Probe.$Properties = {
  step: 39,
  attention: [0, 1].map((layer) => ({
    layer,
    head: -1,
    tokenClass: ["#", "whitespace", "other"],
    share: [0.1, 0.2 + 0.1 * layer, 0.7 - 0.1 * layer],
  })),
  heads: [0, 1].flatMap((layer) => [0, 1].map((head) => ({ layer, head, [head ? "local" : "induction"]: 0.9 }))),
  scalars: ["#", "whitespace"].map((name) => ({ name: `attention/uniform/${name}`, value: 0.05 })),
};
const answer = (change: Partial<ProbeAnswer>): ProbeAnswer => ({
  ...{ chosen, steps: [], probe: undefined, newest: undefined, status: "ready", error: undefined },
  ...change,
});
const labels = new Map([["r", "loss-free-bias"]]);

test("the newest probe at or before the cursor", () => {
  expect([18, 19, 38, 500].map((step) => probeAt([19, 39], step))).toEqual([undefined, 19, 19, 39]);
  const answers = [{ steps: [19, 39] }, { steps: [9, 19] }];
  expect(probeSteps(answers, 20)).toEqual({ steps: [9, 19, 39], place: 1 });
  expect(probeSteps(answers, 3).place).toBe(-1);
});

test("the view says what is missing, and why", () => {
  expect(attentionState([answer({})])).toEqual({ kind: "never" });
  expect(attentionState([answer({ status: "loading" })])).toEqual({ kind: "loading" });
  expect(attentionState([answer({ steps: [39] })])).toEqual({ kind: "later", first: 39 });
  expect(attentionState([answer({ status: "failed", error: new Error("status 500") })])).toEqual({
    kind: "failed",
    text: "status 500",
  });
  expect(attentionState([answer({ steps: [39], probe })])).toEqual({ kind: "ready", without: undefined });
  expect(attentionState([answer({ steps: [39], probe }), answer({})])).toEqual({
    kind: "ready",
    without: "Left out: auxiliary-loss was not probed.",
  });
  expect(attentionState([answer({ steps: [39], probe }), answer({ steps: [79] })])).toMatchObject({
    without: "Left out: the first probe of auxiliary-loss is of step 79.",
  });
});

test("layers that were not probed are left out", () => {
  expect(shownLayers([1, 9], [0, 1, 2])).toEqual([1]);
  expect(shownLayers([9], [0, 1, 2, 3])).toEqual([0, 1, 3]);
});

test("the sentence about attention names the layer that looks most, against even attention", () => {
  const model = attentionByTokenModel([{ run: chosen.run, probe }], [0, 1]);
  expect(attentionSentence(model, labels)).toBe(
    "# and whitespace get at most 40 % in layer 1 of loss-free-bias at step 39, where even attention would give 10 %.",
  );
  expect(attentionReading(model, { group: 1, bar: 0 }, labels)).toEqual({
    title: "Layer 1, loss-free-bias, step 39",
    lines: ["whitespace: 30 %", "#: 10 %"],
  });
});

test("the sentence about heads counts each once", () => {
  const model = headsByBinModel([{ run: chosen.run, probe }], 1);
  expect(binsSentence(model, labels)).toBe("loss-free-bias at step 39: 2 induction, 2 local of 4 heads.");
  expect(binReading(model, { group: 0, bar: 0 }, labels)).toEqual({
    title: "Layers 0–1, loss-free-bias",
    lines: ["local: 2 heads, 50 %", "induction: 2 heads, 50 %"],
  });
});
