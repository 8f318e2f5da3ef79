import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { balanceOverStepsModel } from "./balance-over-steps-model.ts";
import { type LossAgainstBalanceArm, lossAgainstBalanceModel } from "./loss-against-balance-model.ts";
import { plotFrameLayout } from "./plot-frame-layout.ts";
import { renderBalanceOverSteps, renderLossAgainstBalance } from "./render.ts";

const trainedOn = "Recipe trends, 400 steps.";

/** `UPDATE_GOLDEN=1` writes it anew; look at the picture before committing it. */
function expectGolden(svg: string, name: string): void {
  const golden = new URL(`../../golden/${name}.svg`, import.meta.url);
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden, svg);
  expect(svg).toBe(readFileSync(golden, "utf8"));
}

describe("loss-against-balance", () => {
  const arms: LossAgainstBalanceArm[] = [
    {
      name: "auxiliary-loss coefficient=0.01",
      seeds: [
        { seed: 0, maxViolation: 0.4, loss: 2.01 },
        { seed: 1, maxViolation: 0.6, loss: 2.03 },
      ],
      maxViolation: { mean: 0.5, deviation: 0.1414 },
      loss: { mean: 2.02, deviation: 0.01414 },
    },
    {
      name: "loss-free-bias",
      seeds: [{ seed: 0, maxViolation: 0.1, loss: 2.0 }],
      maxViolation: { mean: 0.1, deviation: Number.NaN },
      loss: { mean: 2.0, deviation: Number.NaN },
    },
  ];
  const model = lossAgainstBalanceModel(arms, trainedOn);

  test("the axes hold every point and the ends of the spread, and balance begins at 0 at least", () => {
    expect(model.x.domain[0]).toBeGreaterThanOrEqual(0);
    expect(model.x.domain[1]).toBeGreaterThan(0.6414);
    expect(model.y.domain[0]).toBeLessThan(2.0);
    expect(model.y.domain[1]).toBeGreaterThan(2.0341);
  });

  test("the caption says how many seeds", () => {
    expect(model.caption).toContain("1 to 2 for each arm");
    expect(model.caption).toContain(trainedOn);
  });

  test("a mark for every run, and a cross where there is a mean", () => {
    const svg = renderLossAgainstBalance(model);
    expect(svg.match(/fill-opacity="0.75"/g)).toHaveLength(3 + arms.length);
    expect(svg.match(/stroke-width="2.75"/g)).toHaveLength(1);
    expect(svg).not.toContain("NaN");
    expectGolden(svg, "loss-against-balance");
  });

  test("without a run there is nothing to draw", () => {
    expect(() => lossAgainstBalanceModel([{ ...arms[0]!, seeds: [] }], trainedOn)).toThrow(/finished run/);
  });
});

describe("balance-over-steps", () => {
  const stretches = (floor: number, deviation: number) =>
    Array.from({ length: 40 }, (_, place) => {
      const mean = floor + 2 / (1 + place / 4);
      return { firstStep: 10 * place, lastStep: 10 * place + 9, mean, deviation: deviation * mean };
    });
  const model = balanceOverStepsModel(
    [
      { name: "speed=0.001", seeds: 3, stretches: stretches(0.4, 0.15) },
      { name: "speed=0.1", seeds: 1, stretches: stretches(0.1, Number.NaN) },
    ],
    trainedOn,
  );

  test("the axes begin at 0 and hold the spread", () => {
    expect(model.x.domain).toEqual([0, 400]);
    expect(model.y.domain[0]).toBe(0);
    expect(model.y.domain[1]).toBeGreaterThan(2.4 * 1.15);
  });

  test("a line for every arm, a band only where there are seeds to spread", () => {
    const svg = renderBalanceOverSteps(model);
    expect(svg.match(/fill-opacity="0.16"/g)).toHaveLength(1);
    expect(svg).toContain("averaged over stretches of 10 steps");
    expect(svg).not.toContain("NaN");
    expectGolden(svg, "balance-over-steps");
  });
});

test("a long legend takes more lines and pushes the plot down", () => {
  const frame = { title: "", caption: "", x: { title: "", domain: [0, 1] }, y: { title: "", domain: [0, 1] } } as const;
  const short = plotFrameLayout({ ...frame, names: ["a", "b"] });
  const long = plotFrameLayout({
    ...frame,
    names: Array.from({ length: 5 }, (_, i) => `auxiliary-loss coefficient=0.0${i}`),
  });
  expect(new Set(short.legend.map(({ y }) => y)).size).toBe(1);
  expect(new Set(long.legend.map(({ y }) => y)).size).toBeGreaterThan(1);
  expect(long.plot.y).toBeGreaterThan(short.plot.y);
});
