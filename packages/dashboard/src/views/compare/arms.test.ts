import { expect, test } from "vitest";
import { armColour, armPair, armsOf, comparableBy } from "./arms.ts";
import { comparedRun, NO_COLOURS, RUNS } from "./comparison.fixture.ts";

const arms = armsOf(RUNS, "strategy", NO_COLOURS);

test("runs of one strategy are an arm, in the order of their seeds", () => {
  expect(arms.map(({ name, runs }) => [name, runs.map(({ run }) => run?.id)])).toEqual([
    ["auxiliary-loss", ["a0", "a1"]],
    ["loss-free-bias", ["f0", "f1", "f2"]],
  ]);
});

test("by a key of the configuration: numbers by size, those without it an arm of their own", () => {
  const runs = [0.1, 0.01, 0.003, undefined].map((speed, seed) =>
    comparedRun({ id: `r${seed}`, strategy: "loss-free-bias", seed, configuration: { balancing: { speed } } }),
  );
  expect(comparableBy(runs)).toEqual(["strategy", "seed", "balancing.speed"]);
  expect(armsOf(runs, "balancing.speed", NO_COLOURS).map(({ name }) => name)).toEqual([
    "speed 0.003",
    "speed 0.01",
    "speed 0.1",
    "balancing.speed not set",
  ]);
});

test("by the tags that `compare` gives its runs", () => {
  const runs = ["slow", "fast", "slow"].map((arm, seed) =>
    comparedRun({ id: `r${seed}`, strategy: "smebu", seed, tags: ["compare=speeds", `arm=${arm}`, "paper"] }),
  );
  expect(comparableBy(runs)).toEqual(["strategy", "arm", "seed"]);
  expect(armsOf(runs, "arm", NO_COLOURS).map(({ name, runs: { length } }) => [name, length])).toEqual([
    ["fast", 1],
    ["slow", 2],
  ]);
});

test("what is not set comes last, among words too", () => {
  const runs = [undefined, "sign"].map((update, seed) =>
    comparedRun({ id: `r${seed}`, strategy: "loss-free-bias", seed, configuration: { update } }),
  );
  expect(armsOf(runs, "update", NO_COLOURS).map(({ name }) => name)).toEqual(["update sign", "update not set"]);
});

test("what was measured is nothing to compare by", () => {
  for (const name of ["loss", "maxvio", "step", "state", "started"]) expect(comparableBy(RUNS)).not.toContain(name);
});

test("the arms of the address are set against each other; what is not there gives way", () => {
  const pair = (baseline: string, against: string) => {
    const { baseline: first, against: second } = armPair(arms, baseline, against);
    return [first?.value, second?.value];
  };
  expect(pair("", "")).toEqual(["auxiliary-loss", "loss-free-bias"]);
  expect(pair("loss-free-bias", "")).toEqual(["loss-free-bias", "auxiliary-loss"]);
  expect(pair("", "auxiliary-loss")).toEqual(["loss-free-bias", "auxiliary-loss"]);
  expect(pair("gone", "loss-free-bias")).toEqual(["auxiliary-loss", "loss-free-bias"]);
  expect(pair("auxiliary-loss", "auxiliary-loss")).toEqual(["auxiliary-loss", "loss-free-bias"]);
  expect(armPair(arms.slice(0, 1), "", "")).toEqual({ baseline: arms[0], against: undefined });
  expect(armPair([], "", "")).toEqual({ baseline: undefined, against: undefined });
});

test("single runs keep their colours; arms of several have their own, weaker after six", () => {
  const own = new Map([
    ["a0", 4],
    ["f0", 2],
  ]);
  const singles = armsOf([RUNS[0]!, RUNS[3]!], "strategy", own);
  expect(singles.map(({ colour }) => colour)).toEqual([4, 2]);
  expect(armsOf(RUNS, "strategy", own).map(({ colour }) => colour)).toEqual([0, 1]);
  const many = Array.from({ length: 8 }, (_, seed) => comparedRun({ id: `r${seed}`, strategy: "none", seed }));
  const looks = armsOf(many, "seed", NO_COLOURS).map(armColour);
  expect(new Set(looks.map((look) => JSON.stringify(look))).size).toBe(8);
});
