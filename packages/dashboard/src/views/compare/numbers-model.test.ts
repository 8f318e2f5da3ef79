import { expect, test } from "vitest";
import type { SyntheticOptions } from "../../testing/synthetic-run.ts";
import { armsOf } from "./arms.ts";
import { comparedHistories, NO_COLOURS, RUNS } from "./comparison.fixture.ts";
import { MEASURES } from "./measures.ts";
import { differenceText, numbersModel, numbersTable, numberText } from "./numbers-model.ts";

const arms = armsOf(RUNS, "strategy", NO_COLOURS);
const [aux, free] = arms;
const loss = MEASURES.filter(({ name }) => name === "Loss");

/** A loss that falls to step 4 and rises again. */
const withLoss = (value: number): SyntheticOptions => ({ loss: (step) => value + Math.abs(step - 4) / 10 });
const histories = comparedHistories({
  a0: { options: withLoss(3) },
  a1: { options: withLoss(4) },
  f0: { options: withLoss(2) },
  f1: { options: withLoss(3) },
  f2: { options: withLoss(4), steps: 3 },
});
const source = { arms, baseline: aux, histories, evaluations: new Map(), arrival: "ready" as const };
const cells = (which: Parameters<typeof numbersModel>[2], step = 7) =>
  numbersModel(source, loss, which, step).rows.map((row) => row.cells[0]!);

test("at the cursor: mean and deviation of the runs, a run that ended before at its end, and less the baseline", () => {
  const [base, other] = cells("cursor", 6);
  expect(base).toMatchObject({ runs: 2, lowest: false, difference: Number.NaN });
  expect(base!.mean).toBeCloseTo(3.7);
  expect(other).toMatchObject({ runs: 3, lowest: true });
  expect(other!.mean).toBeCloseTo((2.2 + 3.2 + 4.2) / 3);
  expect(other!.difference).toBeCloseTo(-0.5);
  expect([numberText(other!, loss[0]!), differenceText(other!, loss[0]!)]).toEqual(["3.200 ± 1.000", "−0.500"]);
  expect(differenceText(base!, loss[0]!)).toBeUndefined();
});

test("the last, the lowest and the highest are each run's own", () => {
  const means = (which: Parameters<typeof cells>[0]) => cells(which).map(({ mean }) => Number(mean.toFixed(4)));
  expect(means("last")).toEqual([3.8, Number(((2.3 + 3.3 + 4.2) / 3).toFixed(4))]);
  expect(means("lowest")).toEqual([3.5, Number(((2 + 3 + 4.2) / 3).toFixed(4))]);
  expect(means("highest")).toEqual([3.9, 3.4]);
});

test("runs of other widths are made alike before their lowest is taken", () => {
  const coarse = comparedHistories({ f0: { options: withLoss(2), width: 4 } });
  const rows = numbersModel({ ...source, histories: new Map([...histories, ...coarse]) }, loss, "lowest", 7).rows;
  // Steps 4 to 7 of the first seed: 0, 0.1, 0.2 and 0.3 above.
  expect(rows[0]!.cells[0]!.mean).toBeCloseTo(3.5 + 0.15);
});

test("what has no number has a dash and no part in the sentence", () => {
  const model = numbersModel(source, MEASURES, "last", 7);
  const validation = MEASURES.findIndex(({ evaluation }) => evaluation);
  expect(numberText(model.rows[0]!.cells[validation]!, MEASURES[validation]!)).toBe("–");
  expect(model.sentence).toBe(`At the end ${free!.name} has the lowest loss.`);
  expect(numbersTable(model)).toHaveLength(1 + 2 * MEASURES.length);
  const nothing = { ...source, histories: new Map() };
  expect(numbersModel(nothing, loss, "last", 7).sentence).toBe("No run here has numbers yet.");
  expect(numbersModel({ ...nothing, arrival: "loading" }, loss, "last", 7).sentence).toBe("Loading…");
});
