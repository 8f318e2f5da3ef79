import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { syntheticChosen } from "../testing/synthetic-run.ts";
import { placeOf, withAlerts } from "./alerts.ts";
import { timeMarks } from "./marks.ts";

const { COLLAPSE, NOT_A_NUMBER } = v1.Alert.Rule;
const collapse = { id: "1", run: "r", rule: COLLAPSE, layer: 3, experts: [12], beganStep: 40, firedStep: 60 };
const over = { ...collapse, over: true, overStep: 90 };

test("an alert leads to its layer, expert and step; one about the whole run to its step alone", () => {
  expect(placeOf(collapse)).toEqual({ layer: 3, expert: 12, step: 60 });
  expect(placeOf({ id: "2", rule: NOT_A_NUMBER, beganStep: 7 })).toEqual({
    layer: undefined,
    expert: undefined,
    step: 7,
  });
});

test("what is over stays over, whatever answer was still under way", () => {
  const known = withAlerts([], [collapse]);
  expect(withAlerts(known, [])).toBe(known);
  const ended = withAlerts(known, [over, { id: "2", run: "r" }]);
  expect(ended).toEqual([over, { id: "2", run: "r" }]);
  expect(withAlerts(ended, [collapse])[0]).toBe(over);
});

test("the time axis is marked where an alert began and where a run was restarted", () => {
  const chosen = syntheticChosen({}, 100);
  chosen.summary.attempts = [
    { firstStep: 0, lastStep: 50 },
    { attempt: 1, firstStep: 30, lastStep: 99 },
  ];
  expect(timeMarks([chosen], [over]).map(({ kind, step, label }) => [kind, step, label])).toEqual([
    ["restart", 30, "auxiliary-loss: attempt 1 went on from step 30"],
    ["alert over", 40, "auxiliary-loss: collapse since step 40, over"],
  ]);
});
