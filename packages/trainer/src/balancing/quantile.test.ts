import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { quantile, quantileUpdate } from "./quantile.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("quantile", () => {
  strategyCases("quantile", { improves: true });

  test("moves to the published β on the golden input, and balances what was chosen", () => {
    const { bias, counts } = tf.tidy(() => {
      const { scores_TE } = goldenRouting({ gate: "sigmoid" });
      const bias = [...quantileUpdate(scores_TE, tf.zeros([8]), 2).dataSync()];
      return { bias, counts: [...tf.sum(goldenRouting({ gate: "sigmoid", bias }).chosen_TE, 0).dataSync()] };
    });
    bias.forEach((value, expert) => {
      expect(-value).toBeCloseTo(golden["QB beta from 0 (sigmoid scores)"][expert]!, 5);
    });
    // Every β puts some token exactly on the border of two experts, so single counts depend on rounding; the golden ones have 4 at most.
    expect(Math.max(...counts)).toBe(Math.max(...golden["QB counts before/after"][1]!));
  });

  test("the bias it keeps has mean 0, and old values stay by the share of the momentum", () => {
    const strategy = quantile.create({ momentum: 0.5 }, smallRun);
    strategy.afterStep!([{ loads: [], meanProbability: [], measured: [8, 0, 0, 0, 0, 0, 0, 0] }], 0);
    expect([...strategy.selectionBias!(0)]).toEqual([3.5, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5]);
  });
});
