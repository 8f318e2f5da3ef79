import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import type { Tensor2D } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { meanSquaredCosine } from "./ernie.ts";
import { goldenLogits } from "./golden-routing.fixture.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("ernie", () => {
  strategyCases("ernie", { improves: false });

  test("measures the golden matrix as PaddleFormers does", () => {
    const value = tf.tidy(
      () => meanSquaredCosine(tf.transpose(tf.slice(goldenLogits(), [0, 0], [8, 8])) as Tensor2D).dataSync()[0]!,
    );
    expect(value).toBeCloseTo(golden["ERNIE-style mean sq (row-normalised)"], 5);
  });

  test.each([0, 1e-30, 1e-15])("is a number, and so is its gradient, at a router of %d", (value) => {
    const [loss, gradient] = tf.tidy(() => {
      const router_DE = tf.fill([8, 4], value) as Tensor2D;
      return [
        meanSquaredCosine(router_DE).dataSync()[0]!,
        tf
          .grad((x) => meanSquaredCosine(x as Tensor2D))(router_DE)
          .dataSync(),
      ];
    });
    expect([loss, ...gradient].every(Number.isFinite)).toBe(true);
  });

  test("turns router columns towards right angles", async () => {
    const { steps } = await trainBriefly({ strategy: "ernie", steps: 40, settings: ["balancing.ernieCoefficient=1"] });
    expect(steps.at(-1)!.balanceLoss).toBeLessThan(0.5 * steps[0]!.balanceLoss);
  });
});
