import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { expertChoice, expertsChoose } from "./expert-choice.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("expert-choice", () => {
  strategyCases("expert-choice", { improves: false });

  test("every expert takes the same number of tokens in training, and tokens differ", () => {
    const strategy = expertChoice.create({}, smallRun);
    const { perExpert, perToken } = tf.tidy(() => {
      const { chosen_TE } = goldenRouting({ strategy });
      return { perExpert: [...tf.sum(chosen_TE, 0).dataSync()], perToken: [...tf.sum(chosen_TE, 1).dataSync()] };
    });
    expect(perExpert).toEqual(new Array(8).fill(3));
    expect(new Set(perToken).size).toBeGreaterThan(1);
  });

  test("an expert takes the tokens that score it highest", () => {
    const choice = tf.tidy(() =>
      expertsChoose(
        tf.tensor2d([
          [0.9, 0.1],
          [0.8, 0.3],
          [0.2, 0.7],
          [0.1, 0.6],
        ]),
        1,
      ).arraySync(),
    );
    expect(choice).toEqual([[0], [0], [1], [1]]);
    const uneven = tf.tidy(() =>
      expertsChoose(
        tf.tensor2d([
          [0.9, 0.9],
          [0.8, 0.8],
          [0.2, 0.7],
          [0.1, 0.6],
        ]),
        1,
      ).arraySync(),
    );
    expect(uneven).toEqual([
      [0, 1],
      [0, 1],
      [-1, -1],
      [-1, -1],
    ]);
  });

  test("in evaluation every token takes its K best: no token looks at another", () => {
    const strategy = expertChoice.create({}, smallRun);
    const perToken = tf.tidy(() => [...tf.sum(goldenRouting({ strategy, training: false }).chosen_TE, 1).dataSync()]);
    expect(new Set(perToken)).toEqual(new Set([2]));
  });

  test("refuses a batch that experts cannot share evenly", () => {
    expect(() => expertChoice.create({}, { ...smallRun, tokens: 13 })).toThrow(
      /= 26 must be a multiple of model.experts = 8/,
    );
  });
});
