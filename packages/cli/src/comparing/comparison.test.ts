import { expect, it } from "vitest";
import { type ComparedRun, cautionsOf, comparisonOf } from "./comparison.ts";
import { comparisonText } from "./comparison-text.ts";
import { markdownTable } from "./markdown.ts";
import { measureNamed, measures, type RunMeasures } from "./measures.ts";
import { armTables, differenceTable, formatSample } from "./tables.ts";

const arm = (name: string) => ({ name, strategy: name, settings: [] });

function run(armName: string, seed: number, values: Partial<RunMeasures>): ComparedRun {
  const missing = Object.fromEntries(measures.map(({ name }) => [name, Number.NaN])) as unknown as RunMeasures;
  const id = `${armName}-${seed}`;
  return {
    run: id,
    arm: armName,
    seed,
    origin: "stored",
    corpus: "0a1b2c",
    measures: { ...missing, ...values },
    maxViolation: [],
  };
}

const runs = [
  run("a", 0, { validationLoss: 2, stepsToBalance: 40 }),
  run("a", 1, { validationLoss: 2.5 }),
  run("a", 2, { validationLoss: 3 }),
  run("b", 1, { validationLoss: 2.4 }),
  run("b", 2, { validationLoss: 2.6 }),
];
const comparison = comparisonOf("test", [arm("a"), arm("b")], runs, []);

it("sets arms against each other over the seeds that both have", () => {
  const [loss] = comparison.differences;
  expect(loss).toMatchObject({ measure: "validationLoss", first: "a", second: "b", n: 2, lower: 2, higher: 0 });
  // −0.1 and −0.4.
  expect(loss!.mean).toBeCloseTo(-0.25, 12);
  expect(loss!.standardError).toBeCloseTo(0.15, 12);
});

it("says what of how many seeds a mean is of", () => {
  const [a] = comparison.arms;
  expect(formatSample(a!.samples.validationLoss, measureNamed("validationLoss"), 3)).toBe("2.5000 ± 0.5000");
  expect(formatSample(a!.samples.stepsToBalance, measureNamed("stepsToBalance"), 3)).toBe("40 (1 of 3)");
  expect(formatSample(a!.samples.waver, measureNamed("waver"), 3)).toBe("-");
});

it("says when spread means little, and which runs failed", () => {
  expect(cautionsOf(comparison)).toEqual([
    "An arm has only 2 seeds: the spread means little, and a difference may be chance",
  ]);
  const failed = [{ run: "b-0", arm: "b", seed: 0, reason: "the loss is NaN" }];
  const single = comparisonOf("test", [arm("b")], runs.slice(3, 4), failed);
  expect(cautionsOf(single)).toEqual([
    "Run b-0 (b, seed 0) failed: the loss is NaN",
    "An arm has only 1 seed: there is no spread, and a difference may be chance",
  ]);
  expect(cautionsOf(comparisonOf("test", [arm("a")], runs, []))).toEqual([]);
});

it("says when runs were trained on different data", () => {
  const other = runs.map((each) => (each.run === "b-1" ? { ...each, corpus: "999999" } : each));
  expect(cautionsOf(comparisonOf("test", [arm("a"), arm("b")], other, [])).at(-1)).toBe(
    "Losses cannot be compared: the runs were trained on different data, 0a1b2c and 999999",
  );
  const earlier = runs.map((each) => (each.run === "b-1" ? { ...each, corpus: undefined } : each));
  expect(cautionsOf(comparisonOf("test", [arm("a"), arm("b")], earlier, [])).at(-1)).toMatch(
    /0a1b2c and data of an earlier version$/,
  );
  expect(comparisonText(comparison, "Recipe test.")[0]).toBe(
    "Recipe test. Data 0a1b2c. Means ± sample standard deviation over seeds.",
  );
});

it("has one row an arm, and the same tables in Markdown", () => {
  const [cost] = armTables(comparison);
  expect(cost!.slice(2).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
    ["a", "3", "2.5000 ± 0.5000"],
    ["b", "2", "2.5000 ± 0.1414"],
  ]);
  const lines = differenceTable(comparison, markdownTable);
  expect(lines[1]).toBe("| --- | --- | ---: | ---: | ---: | ---: | --- |");
  // t of 1 degree of freedom is 12.7062.
  expect(lines[2]).toBe("| b − a | validation loss | 2 | -0.2500 | 0.1500 | -2.1559 to +1.6559 | lower in 2 of 2 |");
  expect(lines[3]).toBe("| b − a | MaxVio global | 0 | - | - | - | - |");
});
