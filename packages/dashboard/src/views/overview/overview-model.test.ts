import { v1 } from "@moescope/proto";
import { describe, expect, test } from "vitest";
import {
  type SyntheticOptions,
  syntheticBuckets,
  syntheticRun,
  syntheticSummary,
} from "../../testing/synthetic-run.ts";
import { overviewRow, overviewSentence } from "./overview-model.ts";
import { judge } from "./verdict.ts";

const { LIVE, SILENT, FAILED } = v1.RunSummary.State;
const judgeRun = (options: SyntheticOptions, steps = 16, state = LIVE) =>
  judge(syntheticSummary(steps, options, state), syntheticBuckets(steps, options));

/** 16 experts, top-2: the most possible MaxVio is 7. Loads with one expert `times` its share, the others equal. */
const skewed = (timesAt: (step: number, layer: number) => number): SyntheticOptions => ({
  experts: 16,
  load: (step, layer, expert) => {
    const times = timesAt(step, layer);
    return expert === 5 ? 1200 * times : (1200 * (16 - times)) / 15;
  },
});

describe("the verdict", () => {
  test("balanced: below a tenth of the most possible in every layer", () => {
    const health = judgeRun(skewed(() => 1.5));
    expect(health).toMatchObject({ verdict: "balanced", ceiling: 7 });
    expect(health.maxViolation).toBeCloseTo(0.5, 1);
  });

  test("uneven: steadily above it in one layer", () => {
    expect(judgeRun(skewed((_, layer) => (layer === 1 ? 2.4 : 1)))).toMatchObject({
      verdict: "uneven",
      worst: { layer: 1 },
    });
  });

  test("drifting: rising from quarter to quarter", () => {
    expect(judgeRun(skewed((step) => 1.1 + step * 0.05)).verdict).toBe("drifting");
    expect(judgeRun(skewed((step) => 2.2 - step * 0.05)).verdict).not.toBe("drifting");
  });

  test("collapsing: above a third of the most possible in one layer", () => {
    expect(judgeRun(skewed((_, layer) => (layer === 0 ? 3.6 : 1)))).toMatchObject({
      verdict: "collapsing",
      worst: { layer: 0 },
    });
  });

  test("collapsing: a tenth of the experts dead, though MaxVio is low, names the layer with the dead ones", () => {
    const options: SyntheticOptions = {
      experts: 16,
      load: (_, layer, expert) => (layer === 1 && expert < 2 ? 0 : expert === 9 ? 1250 : 1000),
    };
    expect(judgeRun(options)).toMatchObject({ verdict: "collapsing", worst: { layer: 1, deadExperts: 2 } });
  });

  test("what happened long ago does not count: only the last quarter is recent", () => {
    expect(judgeRun(skewed((step) => (step < 8 ? 7 : 1))).verdict).toBe("balanced");
  });

  test("silent and diverged come before balance", () => {
    expect(
      judgeRun(
        skewed(() => 6),
        16,
        SILENT,
      ).verdict,
    ).toBe("silent");
    expect(judgeRun({ loss: (step) => (step > 9 ? Number.NaN : 1) }, 16, FAILED).verdict).toBe("diverged");
  });

  test("no data before the first step, and no verdict before history is there", () => {
    const summary = { run: syntheticRun(), state: LIVE };
    expect(judge(summary, []).verdict).toBe("no data");
    expect(judge(summary, undefined).verdict).toBe("reading");
  });
});

test("a row says what is wrong, where, and where a click leads", () => {
  const options = skewed((_, layer) => (layer === 1 ? 4 : 1));
  const summary = { ...syntheticSummary(16, options), worstExpert: 5, tokensPerSecond: 5300, validationLoss: 2.25 };
  const row = overviewRow(summary, syntheticBuckets(16, options), 0);
  expect(row).toMatchObject({
    verdict: "collapsing",
    blame: { layer: 1, expert: 5 },
    progress: { text: "16 of 100", share: 0.16 },
    loss: "0.250",
    validationLoss: "2.250",
    seed: 7,
    deadExperts: "0",
    allExperts: "32",
    speed: "5.3 k tokens/s",
  });
  expect(row.sentence).toMatch(
    /^Layer 1 is the worst, MaxVio 3\.0\d of at most 7\.00; now expert 5 gets 4\.0\d × its share\.$/,
  );
  expect(row.strip.columns).toBe(16);
  expect(row.strip.busiest).toHaveLength(32);
  expect(row.strip.busiest[16]).toBeCloseTo(4, 1);
});

test("silence says for how long, and a failure why", () => {
  const silent = { ...syntheticSummary(4, {}, SILENT), lastMessageAt: 1_000_000 };
  expect(overviewRow(silent, syntheticBuckets(4), 1_090_000).sentence).toMatch(/^Silent for 1 min 30 s\. Layer/);
  expect(overviewRow({ ...silent, steps: 0 }, [], 1_090_000).sentence).toBe(
    "Silent for 1 min 30 s. No step with an MoE layer has arrived yet.",
  );
  const failed = { ...syntheticSummary(4, {}, FAILED), reason: "the loss is NaN at step 3" };
  expect(overviewRow(failed, syntheticBuckets(4), 0).sentence).toMatch(/It failed: the loss is NaN at step 3$/);
});

test("a run without steps has no numbers instead of zeros", () => {
  const row = overviewRow({ run: syntheticRun(), state: LIVE, loss: Number.NaN }, [], 0);
  expect(row).toMatchObject({
    verdict: "no data",
    loss: "–",
    maxViolation: "–",
    blame: undefined,
    progress: { text: "0 of 100" },
  });
});

test("the sentence of the overview names those to look at first", () => {
  const good = overviewRow(syntheticSummary(4), syntheticBuckets(4), 0);
  const bad = overviewRow(
    syntheticSummary(
      16,
      skewed(() => 6),
    ),
    syntheticBuckets(
      16,
      skewed(() => 6),
    ),
    0,
  );
  expect(overviewSentence([good])).toBe("1 run, 1 live; no router is collapsing.");
  expect(overviewSentence([good, { ...bad, name: "worse" }])).toBe("2 runs, 2 live; look at worse first.");
});

test("while a history is on its way nothing is said about its routing, and what the list knows stays", () => {
  const summary = syntheticSummary(4);
  const late = overviewRow(summary, undefined, 0);
  expect(late).toMatchObject({ loading: true, sentence: "", blame: undefined, loss: "1.000" });
  expect(late.maxViolation).toBe(overviewRow(summary, syntheticBuckets(4), 0).maxViolation);
  expect(overviewSentence([overviewRow(summary, syntheticBuckets(4), 0), late])).toBe("2 runs, 2 live.");
  const lost = overviewRow(summary, "failed", 0);
  expect(lost).toMatchObject({ loading: false, verdict: "unknown", sentence: "Its history could not be fetched." });
  expect(overviewSentence([lost])).toBe("1 run, 1 live.");
});

test("dead experts are those of a step, of all layers together", () => {
  const options: SyntheticOptions = {
    experts: 16,
    load: (step, layer, expert) => (layer === 1 && expert < 1 + (step % 2) ? 0 : 900),
  };
  const row = (width: number) => overviewRow(syntheticSummary(8, options), syntheticBuckets(8, options, width), 0);
  expect([row(1).deadExperts, row(8).deadExperts]).toEqual(["2", "1.50"]);
  expect(overviewRow(syntheticSummary(8, options), undefined, 0).deadExperts).toBe("–");
});
