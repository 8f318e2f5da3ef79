import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import type { Tensor2D } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { goldenLogits } from "./golden-routing.fixture.ts";
import { distanceFromOrthogonal } from "./simbal.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("simbal", () => {
  strategyCases("simbal", { improves: false });

  test("measures the golden matrix as published", () => {
    const value = tf.tidy(
      () => distanceFromOrthogonal(tf.transpose(tf.slice(goldenLogits(), [0, 0], [8, 8])) as Tensor2D).dataSync()[0]!,
    );
    expect(value / golden["SimBal L1 for W=L[0:8] (rows experts)"]).toBeCloseTo(1, 5);
  });

  test("starts with orthogonal columns and keeps them nearer than no balancing does", async () => {
    const { steps } = await trainBriefly({ strategy: "simbal", steps: 30 });
    expect(steps[0]!.balanceLoss).toBeLessThan(1e-4);
    expect(steps.at(-1)!.balanceLoss).toBeLessThan(0.5);
  });
});
