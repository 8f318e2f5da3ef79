import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { goldenLogits } from "./golden-routing.fixture.ts";
import { strategyCases } from "./strategy.cases.ts";
import { routerZLoss } from "./z-loss.ts";

await openBackend();

describe("z-loss", () => {
  strategyCases("z-loss", { improves: false });

  test("gives Hugging Face's and Megatron's value on the golden input", () => {
    const value = tf.tidy(() => routerZLoss(goldenLogits()).dataSync()[0]!);
    expect(value).toBeCloseTo(golden["z loss HF"], 4);
  });

  test("keeps logits smaller than no z-loss does", async () => {
    const settings = ["balancing.zCoefficient=0.1"];
    const run = (strategy: string, more: string[]) => trainBriefly({ strategy, steps: 40, settings: more });
    const [with_, without] = [await run("z-loss", settings), await run("none", [])];
    expect(with_.steps.at(-1)!.balanceLoss).toBeGreaterThan(0);
    expect(with_.steps.at(-1)!.balanceLoss).toBeLessThan(0.7 * with_.steps[0]!.balanceLoss);
    expect(without.steps.at(-1)!.balanceLoss).toBe(0);
  });
});
