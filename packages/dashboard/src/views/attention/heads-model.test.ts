import { expect, test } from "vitest";
import { HEAD_SCORES } from "../../address/address.ts";
import { sequentialColour } from "../../theme/sequential.ts";
import { headMap, headRows, headsTable, SCORES, scoreSentence } from "./heads-model.ts";

const rows = headRows("r", "loss-free-bias", {
  heads: [
    { layer: 2, head: 0, previousToken: 0.5, local: 0.9 },
    { layer: 4, head: 1, induction: 0.75, broad: 0.5 },
    { layer: 4, head: 0, broad: 0.25 },
  ],
});

test("every head has one category, and all its scores", () => {
  expect(rows.map(({ category }) => category)).toEqual(["previous-token", "induction", "broad"]);
  expect(headsTable(rows)[1]).toEqual(["r", 2, 0, "previous-token", 0.5, 0, 0, 0.9, 0]);
});

test("the map has a row for each layer; a head that is not there is missing, not 0", () => {
  const map = headMap(rows, "broad");
  expect(map).toMatchObject({ run: "r", layers: [2, 4], heads: 2 });
  expect([...map.values]).toEqual([0, Number.NaN, 0.25, 0.5]);
  expect(headMap([], "broad")).toMatchObject({ layers: [], heads: 0 });
});

test("the sentence names the head that has most of the score", () => {
  expect(scoreSentence([rows, []], "induction", "induction")).toMatch(
    /^Most induction: head 1 of layer 4 in loss-free-bias \(0\.75\)\./,
  );
  expect(scoreSentence([], "induction", "induction")).toBe("No heads were probed.");
});

test("the map offers the scores that the address knows", () => {
  expect(SCORES.map(({ name }) => name)).toEqual([...HEAD_SCORES]);
});

test.each(["light", "dark"] as const)("colours of the %s theme go from the surface to what stands out", (theme) => {
  const brightness = (score: number) => sequentialColour(score, theme).reduce((sum, channel) => sum + channel, 0);
  const sign = theme === "light" ? -1 : 1;
  for (const score of [0, 0.25, 0.5, 0.75])
    expect(sign * (brightness(score + 0.25) - brightness(score))).toBeGreaterThan(0);
  expect(sequentialColour(7, theme)).toEqual(sequentialColour(1, theme));
});
