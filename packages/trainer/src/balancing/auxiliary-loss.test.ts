import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { auxiliaryLoss, balanceLoss } from "./auxiliary-loss.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("auxiliary-loss", () => {
  strategyCases("auxiliary-loss", { improves: true });

  test("gives Megatron's and Hugging Face's value on the golden input", () => {
    const value = tf.tidy(() => balanceLoss(goldenRouting()).dataSync()[0]!);
    expect(value).toBeCloseTo(golden["Megatron normalised LBL (coef 1)"], 5);
    expect(2 * value).toBeCloseTo(golden["HF mixtral LBL one layer"], 5);
  });

  test("normalises sigmoid scores over all experts first, as Megatron does", () => {
    const value = tf.tidy(() => balanceLoss(goldenRouting({ gate: "sigmoid" })).dataSync()[0]!);
    expect(value).toBeCloseTo(golden["Megatron sigmoid batch LBL"], 5);
  });

  test("refuses a negative coefficient, naming it", () => {
    const options = { ...auxiliaryLoss.defaults, coefficient: -1 };
    expect(() => auxiliaryLoss.create(options, smallRun)).toThrow(/balancing.coefficient is -1/);
  });
});
