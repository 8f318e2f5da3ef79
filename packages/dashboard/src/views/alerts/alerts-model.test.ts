import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import type { Alert } from "../../data/alerts.ts";
import { syntheticChosen } from "../../testing/synthetic-run.ts";
import { alertRows, alertsSentence, alertsTable } from "./alerts-model.ts";

const { COLLAPSE, DEAD_EXPERTS, SILENCE } = v1.Alert.Rule;
const chosen = [syntheticChosen({ id: "a", startedAt: 1000 }), syntheticChosen({ id: "b", strategy: "none" })];
const alerts: Alert[] = [
  {
    id: "1",
    run: "a",
    rule: COLLAPSE,
    layer: 1,
    experts: [2],
    beganStep: 10,
    firedStep: 30,
    firedAt: 61_000,
    value: 2.5,
    threshold: 2,
  },
  {
    id: "2",
    run: "b",
    rule: DEAD_EXPERTS,
    layer: 0,
    experts: [0, 3],
    beganStep: 40,
    firedStep: 60,
    over: true,
    overStep: 90,
  },
  { id: "3", run: "b", rule: SILENCE, beganStep: 99, firedStep: 99 },
];

test("what lasts stands before what is over, newest first; a click leads to layer, expert and step", () => {
  const rows = alertRows(chosen, alerts, "all", "");
  expect(rows.map(({ id, rule, place }) => [id, rule, place])).toEqual([
    ["b/3", "silence", "the whole run"],
    ["a/1", "collapse", "layer 1, expert 2"],
    ["b/2", "dead experts", "layer 0, experts 0 and 3"],
  ]);
  expect(rows[1]).toMatchObject({ time: "1:00", began: 10, ended: undefined });
  expect(rows[1]!.target).toEqual({ view: "layers", runs: ["a", "b"], step: 30, layer: 1, expert: 2 });
  expect(rows[0]!.target).toMatchObject({ view: "balance", step: 99, layer: undefined });
});

test("the list can be cut to a state and to a rule", () => {
  const ids = (...filter: [Parameters<typeof alertRows>[2], string]) =>
    alertRows(chosen, alerts, ...filter).map(({ id }) => id);
  expect(ids("active", "")).toEqual(["b/3", "a/1"]);
  expect(ids("over", "")).toEqual(["b/2"]);
  expect(ids("all", "collapse")).toEqual(["a/1"]);
  expect(ids("over", "collapse")).toEqual([]);
});

test("the sentence says what is wrong now", () => {
  expect(alertsSentence(chosen, alerts)).toBe(
    "2 alerts are active, in auxiliary-loss and none. 1 earlier alert is over.",
  );
  expect(alertsSentence(chosen, [])).toBe("Nothing is wrong with the 2 runs on screen now.");
});

test("the table has every alert", () => {
  expect(alertsTable(alerts)[1]).toEqual(["a", "collapse", 1, "2", 10, 30, "", 2.5, 2]);
  expect(alertsTable(alerts)).toHaveLength(4);
});
