// Ways to route and to balance that were published later, against PyTorch: values, and gradients where there are any.
//
// T tokens, E experts, K choices.
import { describe, test } from "vitest";
import { firstChoiceLoss } from "../balancing/auxiliary-loss.ts";
import { bip } from "../balancing/bip.ts";
import { aboveThreshold, cutoffs, moveTowards, thresholds } from "../balancing/expert-threshold.ts";
import { quantileHistogram } from "../balancing/quantile-histogram.ts";
import { bestPairs } from "../balancing/seq-top-k.ts";
import { smallRun } from "../balancing/strategy.cases.ts";
import type { LayerRouting } from "../balancing/strategy.ts";
import { gateShares } from "../moe/gate.ts";
import { chooseTopK, hotChoices, planRoutes } from "../moe/route-plan.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { type Case, checkScalar } from "./formulas.cases.ts";
import { computed, expectClose, readReference, type StoredArray, tensorOf } from "./reference.fixture.ts";

const reference = readReference<{
  topK: number;
  sequences: number;
  firstChoiceLoss: Record<string, Case<{ groups: number }>>;
  dropByGate: Record<"logits_TE" | "chosen_TE" | "kept_TE", StoredArray> & { capacity: number };
  quantileHistogram: {
    bins: number;
    batches: (Record<"scores_TE" | "before_E" | "after_E", StoredArray> & { histogram_EN: number[][] })[];
  };
  expertThreshold: {
    decay: number;
    batches: (Record<"logits_TE" | "cutoff_E" | "average_E", StoredArray> &
      Partial<Record<"threshold_E" | "chosen_TE", StoredArray>>)[];
  };
  seqTopK: { scores_TE: StoredArray; cases: { most: number; chosen_TE: StoredArray }[] };
  bip: { iterations: number; batches: Record<"scores_TE" | "before_E" | "after_E", StoredArray>[] };
}>("routing");
const { topK } = reference;

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
  test("what an expert at capacity drops", () => computed(checkDropByGate));
  test("quantile balancing by histogram, three batches", () => computed(checkQuantileHistogram));
  test("expert threshold, four batches", () => computed(checkExpertThreshold));
  test("BIP, three batches", () => computed(checkBip));
  test.each(reference.seqTopK.cases)("SeqTopK, at most $most experts a token", ({ most, chosen_TE }) =>
    computed(() => {
      const scores_TE = tensorOf<Tensor2D>(reference.seqTopK.scores_TE);
      expectClose(hotChoices(bestPairs(scores_TE, topK, reference.sequences, most), 8), chosen_TE, "choice");
    }),
  );
}

function checkDropByGate(): void {
  const { logits_TE, chosen_TE, kept_TE, capacity } = reference.dropByGate;
  const logits = tensorOf<Tensor2D>(logits_TE);
  const choice_TK = chooseTopK(logits, topK);
  const gates_TE = gateShares(logits, "softmax", hotChoices(choice_TK, 8));
  const plan = planRoutes(choice_TK, 8, capacity, gates_TE);
  expectClose(plan.chosen_TE, chosen_TE, "choice");
  expectClose(plan.kept_TE, kept_TE, "what is kept");
}

function checkQuantileHistogram(): void {
  const { bins, batches } = reference.quantileHistogram;
  const strategy = quantileHistogram.create({ bins }, { ...smallRun, tokens: 24 });
  const bias = strategy.selectionBias!(0);
  batches.forEach(({ scores_TE, before_E, histogram_EN, after_E }, step) => {
    expectClose(bias, before_E, `bias before batch ${step}`);
    const context = { layer: 0, moeLayer: 0, step, training: true, sequences: 1, tokens_T: tf.tensor1d([], "int32") };
    const routing = { scores_TE: tensorOf<Tensor2D>(scores_TE), context, topK };
    const measured = strategy.measure!(routing as LayerRouting).dataSync<"float32">();
    expectClose(measured, histogram_EN.flat(), `histogram of batch ${step}`);
    strategy.afterStep!([{ loads: [], meanProbability: [], measured }], step);
    expectClose(bias, after_E, `bias after batch ${step}`);
  });
}

function checkExpertThreshold(): void {
  const { decay, batches } = reference.expertThreshold;
  const average = new Float32Array(8);
  batches.forEach(({ logits_TE, cutoff_E, average_E, threshold_E, chosen_TE }, step) => {
    const logits = tensorOf<Tensor2D>(logits_TE);
    if (threshold_E && chosen_TE) {
      const threshold = thresholds(average, decay, step);
      expectClose(threshold, threshold_E, `thresholds before batch ${step}`);
      expectClose(hotChoices(aboveThreshold(logits, threshold), 8), chosen_TE, `choice of batch ${step}`);
    }
    const found = cutoffs(logits, topK).dataSync<"float32">();
    expectClose(found, cutoff_E, `cutoffs of batch ${step}`);
    moveTowards(average, found, decay);
    expectClose(average, average_E, `averages after batch ${step}`);
  });
}

/** Prices of the published form are −bias here. */
function checkBip(): void {
  const { iterations, batches } = reference.bip;
  const strategy = bip.create({ iterations }, { ...smallRun, tokens: 24 });
  const bias = strategy.selectionBias!(0);
  const prices = () => bias.map((b) => -b);
  batches.forEach(({ scores_TE, before_E, after_E }, step) => {
    expectClose(prices(), before_E, `prices before batch ${step}`);
    const scores = tensorOf<Tensor2D>(scores_TE);
    const context = { layer: 0, moeLayer: 0, step, training: true, sequences: 1, tokens_T: tf.tensor1d([], "int32") };
    const measured = strategy.measure!({ scores_TE: scores, context, topK } as LayerRouting).dataSync<"float32">();
    const chosenBy = strategy.selectionScores!({
      context,
      topK,
      scores_TE: scores,
      logits_TE: scores,
      bias_E: tf.tensor1d(bias),
    });
    expectClose(chosenBy, tf.sub(scores, tensorOf(after_E)).dataSync<"float32">(), `what batch ${step} is chosen by`);
    strategy.afterStep!([{ loads: [], meanProbability: [], measured }], step);
    expectClose(prices(), after_E, `prices after batch ${step}`);
  });
}
