import { expect, test } from "vitest";
import { armsOf } from "./arms.ts";
import { comparedRun, NO_COLOURS } from "./comparison.fixture.ts";
import { configurationModel, configurationTable } from "./configuration-model.ts";

const run = (id: string, strategy: string, seed: number, balancing: object) =>
  comparedRun({ id, strategy, seed, configuration: { seed, steps: 160, balancing: { strategy, ...balancing } } });
const runs = [
  run("a0", "auxiliary-loss", 0, { coefficient: 0.01 }),
  run("a1", "auxiliary-loss", 1, { coefficient: 0.01 }),
  run("f0", "loss-free-bias", 0, { speed: 0.01 }),
  run("f1", "loss-free-bias", 1, { speed: 0.1 }),
];
const arms = armsOf(runs, "strategy", NO_COLOURS);

test("runs that differ in their seed alone share a column, the baseline's first; keys that agree are left out", () => {
  const { columns, rows, sentence } = configurationModel(arms, arms[1]);
  expect(columns.map(({ arm, runs: ids, seeds }) => [arm.name, ids, seeds])).toEqual([
    ["loss-free-bias", ["f0"], [0]],
    ["loss-free-bias", ["f1"], [1]],
    ["auxiliary-loss", ["a0", "a1"], [0, 1]],
  ]);
  expect(rows).toEqual([
    { key: "balancing.coefficient", values: [undefined, undefined, "0.01"] },
    { key: "balancing.speed", values: ["0.01", "0.1", undefined] },
    { key: "balancing.strategy", values: ["loss-free-bias", "loss-free-bias", "auxiliary-loss"] },
  ]);
  expect(sentence).toMatch(/^4 runs in 3 configurations, which differ in 3 keys\./);
});

test("the table has a header of arms and seeds", () => {
  expect(configurationTable(configurationModel(arms, arms[0]))[0]).toEqual([
    "key",
    "auxiliary-loss (seeds 0 1)",
    "loss-free-bias (seeds 0)",
    "loss-free-bias (seeds 1)",
  ]);
});

test("nothing differs", () => {
  const alike = armsOf(runs.slice(0, 2), "strategy", NO_COLOURS);
  expect(configurationModel(alike, alike[0]).sentence).toBe("The 2 runs are configured alike, but for their seeds.");
  const alone = armsOf(runs.slice(0, 1), "strategy", NO_COLOURS);
  expect(configurationModel(alone, alone[0]).sentence).toMatch(/^One run differs from nothing/);
  // A run of a program that sends no configuration differs in what every run has.
  const bare = armsOf([comparedRun({ id: "x", strategy: "none", seed: 0 }), runs[0]!], "strategy", NO_COLOURS);
  expect(configurationModel(bare, undefined).rows.map(({ key }) => key)).toContain("balancing.coefficient");
});
