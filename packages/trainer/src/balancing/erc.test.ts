import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import type { Tensor2D } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { ercLoss } from "./erc.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("erc", () => {
  strategyCases("erc", { improves: false });

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
