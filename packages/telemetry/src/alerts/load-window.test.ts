import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LoadWindow } from "./load-window.ts";

const WINDOW = 20;

/** The load of a layer's experts in each step; none in a step without any token of the layer. */
const loads = fc.array(fc.oneof(fc.constant([]), fc.tuple(fc.nat(), fc.nat(), fc.nat())), {
  minLength: 60,
  maxLength: 90,
});

test("a window is the sum of its steps, whichever of them have no token of the layer", () => {
  const property = fc.property(loads, (steps) => {
    const window = new LoadWindow(WINDOW);
    for (const [step, countsMax] of steps.entries()) {
      const layers = [new v1.LayerSummary({ layer: 1, countsMax: [...countsMax], tokens: 1 })];
      if (!window.add(new v1.StepBucket({ firstStep: step, layers }))) continue;
      const within = steps.slice(step + 1 - WINDOW, step + 1);
      const { load, tokens } = window.layers().get(1)!;
      expect([...load].map((n, expert) => n - sum(within.map((counts) => counts[expert] ?? 0)))).toEqual(
        load.length === 0 ? [] : [0, 0, 0],
      );
      expect(tokens).toBe(WINDOW);
    }
  });
  fc.assert(property, { seed: 20_408_154 });
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
