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

  test.each([1e4, 100, 89])("adding %d to all logits of a token changes nothing", (more) => {
    const [plan, moved] = tf.tidy(() => {
      const logits_TE = goldenLogits();
      const every_other = tf.tile(tf.tensor2d([[0], [more]]), [logits_TE.shape[0] / 2, 1]);
      return [sinkhorn(logits_TE).dataSync(), sinkhorn(tf.add(logits_TE, every_other)).dataSync()];
    });
    for (const [at, value] of moved.entries()) expect(value).toBeCloseTo(plan[at]!, more > 1000 ? 4 : 6);
  });

  test("a plan of logits from −10,000 to 10,000 has numbers alone, and rows of 1/T", () => {
    const rows = tf.tidy(() => {
      const logits_TE = tf.tensor2d(
        Float32Array.from({ length: 64 * 8 }, (_, at) => 1e4 * Math.sin(at * at)),
        [64, 8],
      );
      return tf.sum(sinkhorn(logits_TE), 1).dataSync();
    });
    for (const row of rows) expect(row).toBeGreaterThan(0);
    expect(rows.every(Number.isFinite)).toBe(true);
  });

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
