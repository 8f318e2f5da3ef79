import { expect, test } from "vitest";
import { syntheticSummary } from "../testing/synthetic-run.ts";
import { arrangeRuns, factNames, factsOf, matches } from "./run-list.ts";

function run(id: string, strategy: string, seed: number, experts: number, loss: number) {
  const summary = syntheticSummary(4, { id, strategy });
  const configJson = JSON.stringify({ model: { experts, width: 96 }, balancing: { strategy, clip: true }, list: [1] });
  return { ...summary, loss, run: { ...summary.run, seed, configJson, tags: ["paper"] } };
}

const runs = [
  run("a", "none", 1, 16, 2.5),
  run("b", "loss-free-bias", 0, 64, 1.5),
  run("c", "none", 0, 64, Number.NaN),
];
const ids = (groups: ReturnType<typeof arrangeRuns>) =>
  groups.map(({ runs }) => runs.map((each) => each.run?.id).join(""));
const arrange = (order: { filter?: string; sort?: string; group?: string }, pinned = "") =>
  arrangeRuns(runs, { filter: "", sort: "", group: "", ...order }, (id) => id === pinned);

test("facts are what was measured and every key of the configuration", () => {
  const facts = factsOf(runs[0]!);
  expect([facts.get("model.experts"), facts.get("balancing.clip"), facts.get("loss")]).toEqual([16, "true", 2.5]);
  expect(factsOf({ run: { id: "x", configJson: "not JSON" } }).get("name")).toBe("x");
});

test("names to sort by leave out what is the same in every run", () => {
  const names = factNames(runs);
  expect(names).toContain("model.experts");
  expect(names).toContain("balancing.strategy");
  expect(names).not.toContain("model.width");
  expect(names.slice(0, 3)).toEqual(["name", "state", "strategy"]);
});

test.each([
  ["", "abc"],
  ["PAPER", "abc"],
  ["balancing", "ac"],
  ["loss-free", "b"],
  ["model.experts=64", "bc"],
  ["model.experts>=64 strategy=loss-free-bias", "b"],
  ["loss<2", "b"],
  ["loss!=2.5", "bc"],
  ["seed=0 nothing", ""],
  ["unknown.key=3", ""],
  ["unknown.key!=3", "abc"],
])("the filter “%s” leaves %s", (filter, left) => {
  expect(
    runs
      .filter((summary) => matches(summary, filter))
      .map(({ run }) => run.id)
      .join(""),
  ).toBe(left);
});

test("sorted up and down, what is not a number last in both", () => {
  expect(ids(arrange({ sort: "loss" }))).toEqual(["bac"]);
  expect(ids(arrange({ sort: "-loss" }))).toEqual(["abc"]);
  expect(ids(arrange({ sort: "strategy" }))).toEqual(["bac"]);
});

test("grouped by a key of the configuration; pinned ones lead their group", () => {
  const groups = arrange({ group: "model.experts" }, "c");
  expect(groups.map(({ title }) => title)).toEqual(["model.experts: 16", "model.experts: 64"]);
  expect(ids(groups)).toEqual(["a", "cb"]);
  expect(arrange({ group: "no.such" }).map(({ title }) => title)).toEqual(["no.such: not set"]);
  expect(arrange({ filter: "nothing" })).toEqual([]);
});

test("a tag that looks like a condition is found by it, and the condition still is one", () => {
  const tagged = { ...runs[0]!, run: { ...runs[0]!.run, tags: ["compare=Paper-2"] } };
  const all = [tagged, runs[1]!, runs[2]!];
  const found = (filter: string) => all.filter((summary) => matches(summary, filter)).map(({ run }) => run?.id);
  expect(found("compare=paper-2")).toEqual(["a"]);
  expect(found("compare=paper")).toEqual([]);
  expect(found("seed=0")).toEqual(["b", "c"]);
});
