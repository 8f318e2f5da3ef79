import { describe, expect, test } from "vitest";
import { Random } from "../data/random.ts";
import { parameterSpecs } from "../model/transformer.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { hash, hashTable } from "./hash.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";
import type { RouterScores } from "./strategy.ts";

await openBackend();

describe("hash", () => {
  strategyCases("hash", { improves: false });

  test("every expert has as many token ids as any other, and a token's experts differ", () => {
    const table = hashTable(256, 8, 3, new Random(1));
    const ids = new Array(8).fill(0);
    for (let id = 0; id < 256; id++) {
      const own = [...table.slice(id * 3, id * 3 + 3)];
      expect(new Set(own).size).toBe(3);
      expect(Math.min(...own)).toBeGreaterThanOrEqual(0);
      ids[own[0]!] += 1;
    }
    expect(ids).toEqual(new Array(8).fill(32));
  });

  test("no router is among the parameters, and the same id always goes the same way", async () => {
    const { recipe } = await trainBriefly({ strategy: "hash", steps: 1 });
    const names = parameterSpecs(recipe.model, hash.router).map(({ name }) => name);
    expect(names.filter((name) => name.includes("router"))).toEqual([]);
    const strategy = hash.create({}, { ...smallRun, vocabulary: 12 });
    const tokens_T = tf.tensor1d([3, 5, 3], "int32");
    const context = { layer: 0, moeLayer: 0, step: 0, training: true, sequences: 1, tokens_T };
    const choice = strategy.choose!({ context, topK: 2 } as RouterScores)!.arraySync() as number[][];
    expect(choice[0]).toEqual(choice[2]);
  });
});
