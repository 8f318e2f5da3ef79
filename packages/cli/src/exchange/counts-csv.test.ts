// A CSV of counts: what export writes is what import reads, of any run; and what cannot be is refused with its line.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { gathered } from "../testing/gathered.ts";
import { temporaryDirectory } from "../testing/moescope.ts";
import { readCountsCsv } from "./counts-csv.ts";
import { tables } from "./tables.ts";
import { csv, TextTable } from "./text-table.ts";

const TOP_K = 2;
const NAMES = ["code", 'a "b", c', 'ü\n\n"d'];

/** Loads of one category: counts of two experts, some of them dropped, and whether it is known of which. */
function categoryOf(experts: number): fc.Arbitrary<Partial<v1.CategoryLoad>> {
  const counts = fc.array(fc.nat({ max: 9 }), { minLength: experts, maxLength: experts });
  return fc
    .record({ counts, shares: counts, beside: fc.nat({ max: 3 }), kind: fc.constantFrom("none", "known", "beside") })
    .map(({ counts: drawn, shares, beside, kind }) => {
      const odd = drawn.reduce((sum, count) => sum + count, 0) % TOP_K;
      const even = drawn.map((count, expert) => (expert === 0 ? count + odd : count));
      const assignments = even.reduce((sum, count) => sum + count, 0);
      const known = even.map((count, expert) => shares[expert]! % (count + 1));
      const sum = known.reduce((total, count) => total + count, 0);
      if (kind === "beside") return { counts: even, ...dropsOf(assignments, TOP_K * beside, []) };
      if (kind === "known" && sum > 0) return { counts: even, ...dropsOf(assignments - sum, sum, known) };
      return { counts: even, ...dropsOf(assignments, 0, []) };
    });
}

function dropsOf(carriedOut: number, dropped: number, droppedCounts: number[]) {
  return { tokens: (carriedOut + dropped) / TOP_K, dropped, droppedCounts };
}

const experts = fc.integer({ min: TOP_K, max: 4 });

function layerOf(number: number) {
  const bias = fc.float().map((value) => value + 0); // a file knows no negative zero
  return fc.record({
    categories: fc
      .array(fc.option(categoryOf(number), { nil: undefined }), { minLength: NAMES.length, maxLength: NAMES.length })
      .map((all) => all.flatMap((load, category) => (load && load.tokens! > 0 ? [{ ...load, category }] : []))),
    selectionBias: fc.oneof(fc.constant([]), fc.array(bias, { minLength: number, maxLength: number })),
  });
}

/** Steps with holes between them, layers and categories left out, over attempts that begin where the ones before are left. */
const run = experts.chain((number) =>
  fc.record({
    experts: fc.constant(number),
    buckets: fc
      .uniqueArray(
        fc.record({
          firstStep: fc.nat({ max: 1000 }),
          split: fc.constantFrom(v1.Split.TRAIN, v1.Split.EVAL),
          layers: fc.array(layerOf(number), { minLength: 1, maxLength: 3 }),
        }),
        { minLength: 1, maxLength: 6, selector: ({ firstStep, split }) => `${split}/${firstStep}` },
      )
      .map((all) => all.sort((a, b) => a.split - b.split || a.firstStep - b.firstStep)),
    restarts: fc.array(fc.nat({ max: 1000 }), { maxLength: 2 }).map((steps) => steps.sort((a, b) => a - b)),
  }),
);

const routing = tables.find(({ name }) => name === "routing")!;

async function exported(path: string, buckets: v1.StepBucket[]): Promise<void> {
  const file = new TextTable(path, csv(routing.columns));
  for (const bucket of buckets) await file.write(routing.rows(bucket, NAMES));
  await file.close();
}

it("is read as what was exported, whatever the run had", async () => {
  const path = join(temporaryDirectory(), "routing.csv");
  await fc.assert(
    fc.asyncProperty(run, async ({ experts, buckets: drawn, restarts }) => {
      const buckets = drawn.map(({ layers, ...bucket }) => {
        const numbered = layers.map((layer, place) => ({ ...layer, layer: 3 * place }));
        const attempt = restarts.filter((step) => step <= bucket.firstStep).length;
        return new v1.StepBucket({ run: "a", attempt, ...bucket, layers: numbered } as v1.StepBucket.$Properties);
      });
      const routed = buckets.filter(({ layers }) => layers.some(({ categories }) => categories.length > 0));
      if (routed.length === 0) return;
      await exported(path, buckets);
      const { shape, steps, notes } = await readCountsCsv(path, { topK: TOP_K });
      expect(shape.experts).toBe(experts);
      expect(notes).not.toContainEqual(expect.stringMatching(/passed over: .*(attempt|dropped|tokens|selection_bias)/));
      const read = (await gathered(steps)).map(({ step, split, attempt, histograms }) => ({
        ...{ step, split, attempt },
        layers: histograms!.map(({ layer, selectionBias, categories }) => ({
          ...{ layer, selectionBias },
          categories: inOrder(
            categories!.map(({ category, ...load }) => ({ name: shape.categories[category!]!, ...withDropped(load) })),
          ),
        })),
      }));
      expect(read).toEqual(routed.map(expectedOf));
    }),
    { numRuns: 300 },
  );
});

type Load = Pick<v1.CategoryRouting.$Properties, "counts" | "tokens" | "dropped" | "droppedCounts">;

/** As a collector adds it up. */
function withDropped({ counts, tokens, dropped, droppedCounts = [] }: Load) {
  const sum = droppedCounts!.reduce((total, count) => total + count, 0);
  return { counts, tokens, dropped: dropped || sum, droppedCounts };
}

function inOrder<Named extends { name: string }>(categories: Named[]): Named[] {
  return categories.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function expectedOf({ firstStep: step, split, attempt, layers }: v1.StepBucket) {
  return {
    ...{ step, split, attempt },
    layers: layers
      .filter(({ categories }) => categories.length > 0)
      .map(({ layer, selectionBias, categories }) => ({
        ...{ layer, selectionBias },
        categories: inOrder(
          categories.map(({ category, ...load }) => ({ name: NAMES[category]!, ...withDropped(load) })),
        ),
      })),
  };
}

it.each([
  ["step,layer,expert\n", /line 1: there is no column count/],
  ["step,layer,expert,count\n0,0,0,1.5\n", /line 2: count is "1\.5"; allowed are whole numbers from 0/],
  ["step,layer,expert,count\n0,0,,1\n", /line 2: expert is empty; allowed are whole numbers from 0/],
  ["step,layer,expert,count\n0,0,1,2\n1,0,1,2\n0,0,1,2\n", /line 4: step 0 has rows further up/],
  ["step,layer,expert,count\n0,0,1,3\n", /Step 0, layer 0, category all: 3 assignments are no multiple of top-k, 2/],
  ["step,layer,expert,count\n0,0,0,2\n", /A token goes to 2 experts \(top-k\), but there are 1/],
  ["step,layer,expert,count,split\n0,0,0,2,test\n", /line 2: split is "test"; allowed are train, eval, probe/],
  ["step,layer,expert,count\n-1,0,1,2\n", /line 2: step is "-1"; allowed .* from 0 to 2\^53 - 1/],
  ["step,layer,expert,count\n9007199254740992,0,1,2\n", /line 2: step is "9007199254740992"; allowed .* to 2\^53 - 1/],
  ["step,layer,expert,count\n0,4294967296,1,2\n", /line 2: layer is "4294967296"; allowed .* to 4294967295/],
  ["step,layer,expert,count\n0,0,4294967295,2\n", /line 2: expert is "4294967295"; allowed .* to 65535/],
  ["step,layer,expert,count\n0,0,1,4294967296\n", /line 2: count is "4294967296"; allowed .* to 4294967295/],
  ["step,layer,expert,count\n0,0,1,4294967295\n0,0,1,1\n", /Step 0, layer 0, category all: a count of 4294967296/],
  [
    "step,layer,expert,count,attempt\n0,0,1,2,4294967296\n",
    /line 2: attempt is "4294967296"; allowed .* to 4294967295/,
  ],
  ["step,layer,expert,count,dropped\n0,0,1,2,3\n", /line 2: dropped is 3, more than count, 2, which includes it/],
  [
    "step,layer,expert,count,tokens\n0,0,1,2,2\n",
    /Step 0, layer 0, .* 2 assignments of 2 tokens are not top-k × tokens/,
  ],
  ["step,layer,expert,count,tokens\n0,0,1,2,1\n0,0,0,2,2\n", /line 3: tokens is 2, but 1 further up/],
  ["step,layer,expert,count,selection_bias\n0,0,1,2,x\n", /line 2: selection_bias is "x"; allowed are numbers/],
  ["step,layer,expert,count,selection_bias\n0,0,1,2,1\n", /Step 0, layer 0: 1 of 2 experts have a selection_bias/],
  ["step,layer,expert,count,category\n0,0,1,2,\n", /line 2: category has 0 characters; allowed are 1 to 256/],
])("refuses %j", async (text, message) => {
  const path = join(temporaryDirectory(), "a.csv");
  writeFileSync(path, text);
  await expect(readCountsCsv(path, { topK: 2 })).rejects.toThrow(message);
});
