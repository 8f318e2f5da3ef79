import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { phiBalancing, phiLoss } from "./phi-balancing.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("phi-balancing", () => {
  strategyCases("phi-balancing", {
    improves: true,
    settings: ["balancing.phiCoefficient=0.1", "balancing.rate=0.1"],
  });

  test("at a balanced mean both functions weigh every expert alike, so the loss is constant", () => {
    const balanced = new Float32Array(8).fill(1 / 8);
    const routing = tf.tidy(() => {
      const { probabilities_TE } = goldenRouting();
      return ["entropy", "euclidean"].map((phi) => phiLoss({ probabilities_TE }, balanced, phi).dataSync()[0]!);
    });
    expect(routing[0]).toBeCloseTo(1 + Math.log(1 / 8), 5);
    expect(routing[1]).toBeCloseTo(1 / 8, 6);
  });

  test("the running mean follows the probabilities at its rate", () => {
    const strategy = phiBalancing.create({ phiCoefficient: 1, rate: 0.5, phi: "entropy" }, { ...smallRun, experts: 2 });
    strategy.afterStep!([{ loads: [], meanProbability: [1, 0] }], 0);
    expect([...strategy.state!()["mean/0"]!]).toEqual([0.75, 0.25]);
  });
});
