import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { auxiliaryLoss, balanceLoss, firstChoiceLoss } from "./auxiliary-loss.ts";
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

  test("with first choices alone, gives GShard's and Switch's value on the golden input", () => {
    const value = tf.tidy(() => firstChoiceLoss(goldenRouting()).dataSync()[0]!);
    expect(value).toBeCloseTo(golden["Switch top1 LBL HF (group=1x12)"], 5);
    expect(value / 8 ** 2).toBeCloseTo(golden["GShard l_aux (1/E sum c/S*m)"], 7);
    const ofOption = (f: string) => {
      const { layerLoss } = auxiliaryLoss.create({ ...auxiliaryLoss.defaults, coefficient: 1, f }, smallRun);
      return tf.tidy(() => layerLoss!(goldenRouting()).dataSync()[0]!);
    };
    expect(ofOption("first")).toBeCloseTo(value, 6);
    expect(ofOption("all")).not.toBeCloseTo(value, 2);
  });

  test("refuses an f that is not known, naming it", () => {
    expect(() => auxiliaryLoss.create({ ...auxiliaryLoss.defaults, f: "second" }, smallRun)).toThrow(
      /balancing.f is "second"; allowed: all, first/,
    );
  });

  test("refuses a negative coefficient, naming it", () => {
    const options = { ...auxiliaryLoss.defaults, coefficient: -1 };
    expect(() => auxiliaryLoss.create(options, smallRun)).toThrow(/balancing.coefficient is -1/);
  });
});
