import { describe, expect, test } from "vitest";
import { goldenRouting } from "../balancing/golden-routing.fixture.ts";
import { hasNativeOps } from "../ops/native.ts";
import { openBackend } from "../runtime/backends.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { countComposed, countFused } from "./routing-counts.ts";

await openBackend();

/** Twelve tokens of three categories; the second has none. */
const category_TC = tf.cast(
  tf.oneHot(tf.tensor1d([0, 0, 2, 0, 2, 2, 2, 0, 0, 0, 2, 0], "int32"), 3),
  "float32",
) as Tensor2D;
const EXPERTS = 8;

describe.each(["softmax", "sigmoid"] as const)("%s", (gate) => {
  describe.each([0, 1])("capacity factor %i", (capacityFactor) => {
    const routings = () => [goldenRouting({ gate, options: { capacityFactor } }), goldenRouting({ gate })];

    test("every category has the assignments and gate weights of its own tokens, and as many shares as tokens", () => {
      const sums = tf.tidy(() => countComposed(routings(), category_TC).arraySync());
      const total = (category: number, quantity: number) => {
        const first = (3 + quantity) * EXPERTS; // of the second layer, which drops nothing
        return sums[category]!.slice(first, first + EXPERTS).reduce((a, b) => a + b);
      };
      expect([0, 1, 2].map((category) => total(category, 0))).toEqual([14, 0, 10]);
      [7, 0, 5].forEach((tokens, category) => {
        expect(total(category, 1)).toBeCloseTo(tokens, 5);
        expect(total(category, 2)).toBeCloseTo(tokens, 5);
      });
    });

    test.runIf(hasNativeOps())("the fused operation counts the same", () => {
      const [fused, composed] = tf.tidy(() => {
        const both = routings();
        return [countFused, countComposed].map((count) => count(both, category_TC));
      }) as [Tensor2D, Tensor2D];
      expect(fused.shape).toEqual(composed.shape);
      const expected = composed.dataSync();
      fused.dataSync().forEach((sum, index) => {
        expect(sum).toBeCloseTo(expected[index]!, 5);
      });
    });
  });
});
