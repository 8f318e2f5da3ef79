import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { deepseekV3 } from "./deepseek-v3.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("deepseek-v3", () => {
  strategyCases("deepseek-v3", { improves: true });

  test("adds the sequence-wise loss of the scores without bias, as published", () => {
    const { layerLoss } = deepseekV3.create({ speed: 0.001, until: 1, coefficient: 1 }, { ...smallRun, sequences: 2 });
    const bias = [0.1, -0.2, 0.05, 0, -0.1, 0.2, 0, -0.05];
    const value = tf.tidy(() => layerLoss!(goldenRouting({ gate: "sigmoid", bias, sequences: 2 })).dataSync()[0]!);
    expect(value).toBeCloseTo(golden["V3 seq loss (sigmoid norm), mean 2 seqs, alpha=1"], 5);
  });

  test("chooses within the groups that the published router keeps", () => {
    const bias = [0.1, -0.2, 0.05, 0, -0.1, 0.2, 0, -0.05];
    const chosen = tf.tidy(() => {
      const { chosen_TE } = goldenRouting({ gate: "sigmoid", bias, options: { groups: 4, groupsKept: 2 } });
      return chosen_TE.arraySync() as number[][];
    });
    const sets = chosen.map((row) => row.flatMap((one, expert) => (one ? [expert] : [])));
    expect(sets).toEqual(golden["V3 grouped(4 groups,2 kept) idx sorted"]);
  });
});
