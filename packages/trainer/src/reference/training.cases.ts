// Fifty steps of small models beside the same models in PyTorch, which were given the same start values and batches.
import { beforeAll, describe, expect, test } from "vitest";
import type { Batch } from "../data/corpus.ts";
import { loadsOf } from "../moe/routing-counts.ts";
import { type RecipeChoice, resolveRecipe } from "../recipe/resolve-recipe.ts";
import { type Trained, TrainStep } from "../training/train-step.ts";
import { expectClose, readReference } from "./reference.fixture.ts";

interface ReferenceStep {
  loss: number;
  crossEntropy: number;
  gradientNorm: number;
  /** Loads of each MoE layer. */
  counts: number[][];
  /** By how much the nearest of all choices of this step was made, as a difference of scores. */
  margin: number;
}

const { batches, runs } = readReference<{
  /** Tokens of each step, [B, S + 1]. */
  batches: number[][];
  runs: Record<string, { choice: RecipeChoice; steps: ReferenceStep[] }>;
}>("training");

/** Choices nearer than this are ties: rounding decides them, and from the first one on two runs are no longer the same run. */
const TIE = 1e-5;

/** What the tests of each backend run. */
export function trainingCases(): void {
  describe.each(Object.entries(runs))("50 steps with %s", (_, { choice, steps }) => {
    const firstTie = steps.findIndex(({ margin }) => margin < TIE);
    const untied = firstTie < 0 ? steps : steps.slice(0, firstTie);
    let ours: Trained[];
    beforeAll(() => {
      ours = train(choice);
    });

    test("keep the loss within 1e-3 of PyTorch's at every step", () => {
      steps.forEach(({ loss }, step) => {
        expect(Math.abs(ours[step]!.loss - loss), `loss at step ${step}`).toBeLessThan(1e-3);
      });
    });

    test("are the same to rounding, gradients included, until the first tie", () => {
      expect(untied.length).toBeGreaterThan(15);
      untied.forEach(({ loss, crossEntropy, gradientNorm }, step) => {
        expectClose(ours[step]!.loss, loss, `loss at step ${step}`);
        expectClose(ours[step]!.crossEntropy, crossEntropy, `cross-entropy at step ${step}`);
        expectClose(ours[step]!.gradientNorm, gradientNorm, `gradient norm at step ${step}`);
      });
    });

    test("route every token to the same experts until the first tie, and 98 % of them after it", () => {
      steps.forEach(({ counts }, step) => {
        const loads = ours[step]!.histograms.map((histogram) => [...loadsOf(histogram)]);
        if (step < untied.length) expect(loads, `loads at step ${step}`).toEqual(counts);
        expect(movedShare(loads, counts), `share of choices that moved at step ${step}`).toBeLessThan(0.02);
      });
    });
  });
}

function train(choice: RecipeChoice): Trained[] {
  const trainer = new TrainStep(resolveRecipe(choice), 1);
  const steps = batches.map((tokens, step) => trainer.run(batchOf(tokens), step));
  trainer.dispose();
  return steps;
}

function batchOf(tokens: number[]): Batch {
  return { tokens: Int32Array.from(tokens), categories: new Int32Array(tokens.length) };
}

/** A choice that moved is missing from one expert and more than expected at another. */
function movedShare(loads: number[][], expected: number[][]): number {
  const differences = expected.flatMap((layer, i) => layer.map((n, expert) => Math.abs(n - loads[i]![expert]!)));
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return sum(differences) / 2 / sum(expected.flat());
}
