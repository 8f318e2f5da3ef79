import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { planRoutes } from "./route-plan.ts";

await openBackend();

/** Priorities of few values, so that many are equal. */
const batch = fc
  .record({ tokens: fc.integer({ min: 1, max: 20 }), experts: fc.integer({ min: 1, max: 6 }) })
  .chain(({ tokens, experts }) =>
    fc.record({
      tokens: fc.constant(tokens),
      experts: fc.constant(experts),
      capacity: fc.integer({ min: 1, max: 8 }),
      choices: listOf(fc.shuffledSubarray([...Array(experts).keys()]), tokens),
      priority: listOf(listOf(fc.integer({ min: 0, max: 4 }), experts), tokens),
    }),
  );

function listOf<Item>(item: fc.Arbitrary<Item>, length: number): fc.Arbitrary<Item[]> {
  return fc.array(item, { minLength: length, maxLength: length });
}

describe("under a capacity, with priorities", () => {
  test("every expert keeps those with the highest, of equals the earlier token, each in a row of its own", () => {
    fc.assert(
      fc.property(batch, ({ tokens, experts, capacity, choices, priority }) => {
        const most = Math.max(1, ...choices.map(({ length }) => length));
        const padded = choices.map((own) => [...own, ...new Array(most - own.length).fill(-1)]);
        const plan = tf.tidy(() => {
          const all = planRoutes(
            tf.tensor2d(padded, [tokens, most], "int32"),
            experts,
            capacity,
            tf.tensor2d(priority),
          );
          return {
            chosen: all.chosen_TE.arraySync() as number[][],
            kept: all.kept_TE.arraySync() as number[][],
            rowOf: all.rowOf_TK.arraySync() as number[][],
            tokenOf: [...all.tokenOf_R.dataSync()],
            offset: [...all.offset_E1.dataSync()],
          };
        });
        const rows = new Set<number>();
        for (let expert = 0; expert < experts; expert++) {
          const wanted = [...choices.keys()].filter((token) => choices[token]!.includes(expert));
          const ranked = wanted.sort((a, b) => priority[b]![expert]! - priority[a]![expert]! || a - b);
          const holds = (matrix: number[][]) => [...choices.keys()].filter((token) => matrix[token]![expert] === 1);
          expect(holds(plan.chosen)).toEqual([...wanted].sort((a, b) => a - b));
          expect(holds(plan.kept)).toEqual(ranked.slice(0, capacity).sort((a, b) => a - b));
          for (const token of wanted) {
            const row = plan.rowOf[token]![choices[token]!.indexOf(expert)]!;
            expect(row >= 0).toBe(plan.kept[token]![expert] === 1);
            if (row < 0) continue;
            expect(plan.tokenOf[row]).toBe(token);
            expect(row >= plan.offset[expert]! && row < plan.offset[expert + 1]!).toBe(true);
            rows.add(row);
          }
        }
        expect(rows.size).toBe(plan.kept.flat().filter((kept) => kept === 1).length);
      }),
      { numRuns: 150 },
    );
  });

  test("a run that drops the lowest gates drops as many, and keeps more gate mass", async () => {
    const settings = ["model.capacityFactor=0.75"];
    const run = async (policy: string) => {
      const { steps } = await trainBriefly({ steps: 1, settings: [...settings, `model.dropPolicy=${policy}`] });
      const [{ categories, gateMass }] = steps[0]!.histograms as [(typeof steps)[0]["histograms"][0]];
      return { counts: categories!.map(({ counts }) => counts), mass: gateMass!.reduce((sum, mass) => sum + mass, 0) };
    };
    const [byPosition, byGate] = [await run("position"), await run("gate")];
    expect(byGate.counts).toEqual(byPosition.counts);
    expect(byGate.mass).toBeGreaterThan(byPosition.mass);
  });
});
