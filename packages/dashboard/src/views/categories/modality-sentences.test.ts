import { expect, test } from "vitest";
import { modalityByExpertModel } from "../../figures/modality-by-expert-model.ts";
import { modalityShareModel } from "../../figures/modality-share-model.ts";
import { syntheticRun } from "../../testing/synthetic-run.ts";
import { byExpertReading, byExpertTarget, shareReading, shareTarget } from "./bar-readings.ts";
import { byExpertSentence, shareSentence } from "./modality-sentences.ts";

/** Layer 3: text is spread 70, 10, 20, 0; images 0, 100, 100, 0. */
const categories = [
  { category: 0, counts: [70, 10, 20, 0], tokens: 50 },
  { category: 1, counts: [0, 100, 100, 0], tokens: 100 },
];
const run = { ...syntheticRun({ layers: [3] }), categories: ["text", "image"] };
const steps = {
  run,
  history: { buckets: [{ firstStep: 0, lastStep: 0, steps: 1, layers: [{ layer: 3, categories }] }] },
};
const byExpert = modalityByExpertModel(steps, [3]);
const share = modalityShareModel(steps, [3]);

test("the sentences name the ends", () => {
  expect(byExpertSentence(byExpert)).toBe(
    "At most, 70 % of text goes to expert 0 of layer 3 and 50 % of image goes to expert 1 of layer 3; spread evenly it would be 25 %.",
  );
  // Expert 1: 10 % of text against 50 % of images.
  expect(shareSentence(share)).toBe(
    "The share of text goes from 17 % in expert 1 of layer 3 to 100 % in expert 0 of layer 3; an expert that does not care has 50 %.",
  );
});

test("a dead expert is no end, however pure its few tokens are", () => {
  const rows = [
    { category: 0, counts: [1, 400, 300, 200], tokens: 450 },
    { category: 1, counts: [0, 200, 300, 400], tokens: 450 },
  ];
  const history = { buckets: [{ firstStep: 0, lastStep: 0, steps: 1, layers: [{ layer: 3, categories: rows }] }] };
  expect(shareSentence(modalityShareModel({ run, history }, [3]))).toMatch(
    /^The share of text goes from 33 % .* to 67 % in expert 1/,
  );
});

test("without tokens, or with one category, they say so", () => {
  const empty = { run, history: {} };
  expect(byExpertSentence(modalityByExpertModel(empty, [3]))).toBe("No tokens in these steps.");
  expect(shareSentence(modalityShareModel(empty, [3]))).toBe("No tokens in these steps.");
  const single = { ...steps, run: { ...run, categories: ["text"] } };
  expect(shareSentence(modalityShareModel(single, [3]))).toBe("All tokens of this run are of one category.");
});

test("a bar says what it is and leads to its expert, sorted or not", () => {
  expect(byExpertReading(byExpert, { panel: 0, group: 2, bar: 1 })).toEqual({
    title: "Layer 3, expert 2",
    lines: ["50 % of image", "100 assignments"],
  });
  expect(byExpertTarget(byExpert, { panel: 0, group: 2, bar: 1 })).toEqual({ layer: 3, expert: 2 });
  // Sorted by text: experts 0, 2, 1, and 3, which has no tokens.
  expect(shareTarget(share, { panel: 0, group: 2, bar: 0 })).toEqual({ layer: 3, expert: 1 });
  expect(shareReading(share, { panel: 0, group: 2, bar: 0 }, 1)).toEqual({
    title: "Layer 3, expert 1",
    lines: ["83 % image, 100 assignments", "17 % text, 10 assignments"],
  });
});
