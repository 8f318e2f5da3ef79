// Ways to route and to balance that were published later, against PyTorch: values, and gradients where there are any.
//
// T tokens, E experts, K choices.
import { describe, test } from "vitest";
import { firstChoiceLoss } from "../balancing/auxiliary-loss.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { type Case, checkScalar } from "./formulas.cases.ts";
import { computed, readReference } from "./reference.fixture.ts";

const reference = readReference<{
  topK: number;
  sequences: number;
  firstChoiceLoss: Record<string, Case<{ groups: number }>>;
}>("routing");

/** What the tests of each backend run. */
export function routingCases(): void {
  describe("loss on first choices", () => {
    test.each(Object.entries(reference.firstChoiceLoss))("over the %s", (_, { groups, ...loss }) => {
      const routing = (logits_TE: Tensor2D) => {
        const scores_TE = tf.softmax(logits_TE) as Tensor2D;
        return { scores_TE, probabilities_TE: scores_TE };
      };
      computed(() => checkScalar(loss, ([logits_TE]) => firstChoiceLoss(routing(logits_TE as Tensor2D), groups)));
    });
  });
}
