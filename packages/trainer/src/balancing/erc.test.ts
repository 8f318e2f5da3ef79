import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import type { Tensor2D } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { erc, ercLoss } from "./erc.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";
import type { LayerRouting } from "./strategy.ts";

await openBackend();

describe("erc", () => {
  strategyCases("erc", { improves: false });

  test.each([
    ["a router of zeros", 0, 3],
    ["one column of zeros", 1, 3],
    ["one expert alone", 1, 1],
  ])("is a number, and so is its gradient, at %s", (_, value, experts) => {
    const [loss, gradient] = tf.tidy(() => {
      const columns = Array.from({ length: experts }, (_, e) =>
        tf.fill([4, 1], e === 0 && experts > 1 ? 0 : value * (e + 1)),
      );
      const router_DE = tf.concat(columns, 1) as Tensor2D;
      const { layerLoss } = erc.create(erc.defaults, { ...smallRun, experts, width: 4 });
      const wIn_ED2F = tf.ones([experts, 4, 6]);
      const lossOf = (router_DE: Tensor2D) =>
        layerLoss!({ router_DE, wIn_ED2F, context: { step: 0, moeLayer: 0 } } as unknown as LayerRouting);
      return [
        lossOf(router_DE).dataSync()[0]!,
        tf
          .grad((x) => lossOf(x as Tensor2D))(router_DE)
          .dataSync(),
      ];
    });
    expect([loss, ...gradient].every(Number.isFinite)).toBe(true);
  });

  test("is zero when every expert answers its own probe alone, and counts what others answer", () => {
    const identity = tf.eye(2) as Tensor2D;
    const ones = tf.ones([2, 2]) as Tensor2D;
    // W_gate^j keeps dimension j: expert j answers probe j with 1 and the other with 0.
    const own = tf.tensor3d([
      [
        [1, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [1, 0],
      ],
    ]);
    expect(ercLoss(identity, own, ones, 1).dataSync()[0]).toBeCloseTo(0, 4);
    // Swapped: M = [[0, 1], [1, 0]], so each of two pairs adds 1 + 1; over 2² pairs that is 1.
    const others = tf.tensor3d([
      [
        [0, 0],
        [1, 0],
      ],
      [
        [1, 0],
        [0, 0],
      ],
    ]);
    expect(ercLoss(identity, others, ones, 1).dataSync()[0]).toBeCloseTo(1, 4);
    tf.dispose([identity, ones, own, others]);
  });
});
