import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { lossFreeBias, moveAgainstLoad } from "./loss-free-bias.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

const bias = [0.1, -0.2, 0.05, 0, -0.1, 0.2, 0, -0.05];

describe("loss-free-bias", () => {
  strategyCases("loss-free-bias", { improves: true });

  test("moves the bias of DeepSeek-V3's router as published", () => {
    const moved = Float32Array.from(bias);
    moveAgainstLoad(moved, golden["biased counts"], 0.001);
    moved.forEach((value, expert) => {
      expect(value).toBeCloseTo(golden["next bias gamma=.001 sign"][expert]!, 6);
    });
  });

  test("the bias chooses experts, and gate weights do not see it", () => {
    const { counts, first } = tf.tidy(() => {
      const { chosen_TE, gates_TE } = goldenRouting({ gate: "sigmoid", bias });
      return { counts: [...tf.sum(chosen_TE, 0).dataSync()], first: gates_TE.dataSync().slice(0, 8) };
    });
    expect(counts).toEqual(golden["biased counts"]);
    const weights = golden["V3 ungrouped w[0:3]"][0]!;
    expect(first[0]).toBeCloseTo(weights[0]!, 5);
    expect(first[5]).toBeCloseTo(weights[1]!, 5);
  });

  test("an expert at exactly the mean load keeps its bias", () => {
    const still = new Float32Array(3);
    moveAgainstLoad(still, [4, 2, 3], 0.5);
    expect([...still]).toEqual([-0.5, 0.5, 0]);
  });

  test("stops moving when its share of the run is over", () => {
    const strategy = lossFreeBias.create(
      { speed: 0.1, update: "sign", until: 0.5 },
      { ...smallRun, experts: 2, steps: 10 },
    );
    strategy.afterStep!([{ loads: [2, 0], meanProbability: [] }], 4);
    strategy.afterStep!([{ loads: [2, 0], meanProbability: [] }], 5);
    expect(strategy.selectionBias!(0)[0]).toBeCloseTo(-0.1, 6);
  });
});
