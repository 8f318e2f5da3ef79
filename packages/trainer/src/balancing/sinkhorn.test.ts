import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { goldenLogits } from "./golden-routing.fixture.ts";
import { sinkhorn } from "./sinkhorn.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("sinkhorn", () => {
  strategyCases("sinkhorn", { improves: true });

  test("is Megatron's plan on the golden input", () => {
    const { columns, firstRow, top1 } = tf.tidy(() => {
      const plan_TE = sinkhorn(goldenLogits());
      const top1 = new Array(8).fill(0);
      for (const expert of tf.argMax(plan_TE, 1).dataSync()) top1[expert] += 1;
      return { columns: tf.sum(plan_TE, 0).dataSync(), firstRow: tf.sum(plan_TE, 1).dataSync()[0], top1 };
    });
    for (const column of columns) expect(column).toBeCloseTo(1 / 8, 6);
    expect(firstRow).toBeCloseTo(golden["sinkhorn row sum[0]"], 6);
    expect(top1).toEqual(golden["sinkhorn top1 counts"]);
  });
});
