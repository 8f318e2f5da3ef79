// What something else recorded, stored as a run and read back from a collector.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it, vi } from "vitest";
import { EventFile } from "../exchange/tensorboard/event-file.ts";
import { moescope, startCollect, temporaryDirectory } from "../testing/moescope.ts";

/** Milliseconds; up to six commands, one after another. */
vi.setConfig({ testTimeout: 120_000 });

interface Stored {
  buckets: {
    firstStep: number;
    steps: number;
    tokens: number;
    time: number;
    scalars: { name: string; last: number }[];
    layers: { layer: number; categories: { category: number; counts: number[]; tokens: number; dropped: number }[] }[];
  }[];
}

async function importRun(directory: string, ...args: string[]): Promise<{ run: string; messages: number }> {
  const { code, stdout, stderr } = await moescope(["import", ...args, "--json"], directory);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

async function summary(http: string, run: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${http}/api/v1/runs/${run}`)).json()) as Record<string, unknown>;
}

async function history(http: string, run: string, query = ""): Promise<Stored["buckets"]> {
  return ((await (await fetch(`${http}/api/v1/runs/${run}/history?layers=all&${query}`)).json()) as Stored).buckets;
}

it("a CSV of counts", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const rows = [
    "step,layer,category,expert,count,dropped,machine",
    ...["0,1,code,0,3,1,a", "0,1,code,2,2,,a", '0,1,"a ""b"", c",1,4,,a', "0,4,code,3,6,,a"],
    ...["1,1,code,0,2,,a", "1,4,code,3,2,,a"],
  ];
  writeFileSync(join(directory, "counts.csv"), `${rows.join("\r\n")}\r\n`);
  expect(await importRun(directory, "counts.csv", "--format", "csv", "--top-k", "2", "--tag", "x")).toEqual({
    run: "counts",
    messages: 3,
  });
  const { run, state, tokens } = await summary(http, "counts");
  expect(run).toMatchObject({
    moeLayers: [1, 4],
    experts: 4,
    topK: 2,
    categories: ["code", 'a "b", c'],
    plannedSteps: 2,
  });
  expect(run).toMatchObject({ tags: ["imported", "x"], strategy: "unknown", recipe: "imported" });
  expect({ state, tokens }).toEqual({ state: "FINISHED", tokens: 6 });
  const [first, second] = await history(http, "counts");
  expect(first!.layers).toMatchObject([
    {
      layer: 1,
      categories: [
        { category: 0, counts: [3, 0, 2, 0], tokens: 3, dropped: 1 },
        { category: 1, counts: [0, 4, 0, 0], tokens: 2, dropped: 0 },
      ],
    },
    { layer: 4, categories: [{ category: 0, counts: [0, 0, 0, 6], tokens: 3 }] },
  ]);
  expect(second).toMatchObject({ firstStep: 1, tokens: 6 });
});

it("what export wrote, with the same counts", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const rows = [
    "step,layer,expert,count",
    ...[0, 1, 2].flatMap((step) => [`${step},0,0,${step + 1}`, `${step},0,1,5`]),
  ];
  writeFileSync(join(directory, "first.csv"), rows.join("\n"));
  await importRun(directory, "first.csv", "--format", "csv", "--top-k", "1");
  expect((await moescope(["export", "first", "--format", "csv", "--out", "out"], directory)).code).toBe(0);
  await importRun(directory, "out/routing.csv", "--format", "csv", "--top-k", "1", "--id", "second");
  const [first, second] = [await history(http, "first"), await history(http, "second")];
  expect(first).toHaveLength(3);
  expect(second.map(({ layers }) => layers)).toEqual(first.map(({ layers }) => layers));
});

it("a routing trace of Megatron-LM: ranks and micro-batches are added up", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  mkdirSync(join(directory, "trace"));
  // As the description of the format has it.
  const record = (step: number, layer: number, rank: number, top_indices: number[][], more: object = {}) =>
    JSON.stringify({
      ...{ step, stage: "pre_dispatch", block: "decoder", layer, rank, num_tokens: top_indices.length, topk: 2 },
      ...{ top_indices, ...more },
    });
  const rank0 = [
    record(0, 3, 0, [
      [0, 1],
      [0, 2],
    ]),
    record(0, 3, 0, [[1, 3]]), // the step's second micro-batch
    record(0, 0, 0, [[0, 1]], { block: "mtp", mtp_idx: 0 }),
    record(1, 3, 0, [[2, 3]]),
  ];
  const rank1 = [record(0, 3, 1, [[0, 3]]), record(1, 3, 1, [[2, 3]])];
  writeFileSync(join(directory, "trace", "router_trace_rank0.jsonl"), rank0.join("\n"));
  writeFileSync(join(directory, "trace", "router_trace_rank1.jsonl.gz"), gzipSync(rank1.join("\n")));

  await importRun(directory, "trace", "--format", "megatron-trace", "--experts", "6");
  const { run } = await summary(http, "trace");
  expect(run).toMatchObject({ moeLayers: [3], experts: 6, topK: 2, ranks: 2 });
  expect(await history(http, "trace")).toMatchObject([
    { tokens: 4, layers: [{ layer: 3, categories: [{ counts: [3, 2, 1, 2, 0, 0], tokens: 4 }] }] },
    { tokens: 6, layers: [{ layer: 3, categories: [{ counts: [0, 0, 2, 2, 0, 0], tokens: 2 }] }] },
  ]);
});

it("TensorBoard scalars", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const file = new EventFile(join(directory, "events.out.tfevents.1700000000.host"), 1_700_000_000);
  for (const step of [0, 10, 20]) {
    await file.write(1_700_000_000 + step, step, [{ tag: "train/loss", simpleValue: 2 - step / 16 }]);
    await file.write(1_700_000_001 + step, step, [{ tag: "lr", tensor: { dtype: 1, floatVal: [0.5] } }]);
  }
  await file.close();
  await importRun(directory, ".", "--format", "tensorboard", "--id", "scalars", "--scalar", "loss=train/loss");
  const { loss, lastStep, steps } = await summary(http, "scalars");
  expect({ loss, lastStep, steps }).toEqual({ loss: 0.75, lastStep: 20, steps: 3 });
  const [bucket] = await history(http, "scalars", "from=10&to=10");
  expect(bucket).toMatchObject({ time: 1_700_000_011_000, layers: [] });
  expect(bucket!.scalars).toMatchObject([
    { name: "loss", last: 1.375 },
    { name: "lr", last: 0.5 },
  ]);
});

it("stores into a directory of its own when no collector runs, and never the same id twice", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "a.csv"), "step,layer,expert,count\n0,0,0,2\n");
  const args = ["a.csv", "--format", "csv", "--top-k", "1", "--data", "new"];
  await importRun(directory, ...args);
  const again = await moescope(["import", ...args], directory);
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/Run a is stored already \(2 messages\); choose another --id, or delete it first/);
  expect((await moescope(["runs", "--data", "new"], directory)).stdout).toMatch(/^a +finished/m);
});

it.each([
  ["step,layer,expert\n", /line 1: there is no column count/],
  ["step,layer,expert,count\n0,0,0,1.5\n", /line 2: count is "1\.5"; allowed are whole numbers from 0/],
  ["step,layer,expert,count\n0,0,1,2\n1,0,1,2\n0,0,1,2\n", /line 4: step 0 has rows further up/],
  ["step,layer,expert,count\n0,0,1,3\n", /Step 0, layer 0, category all: 3 assignments are no multiple of top-k, 2/],
  ["step,layer,expert,count\n0,0,0,2\n", /A token goes to 2 experts \(top-k\), but there are 1/],
  ["step,layer,expert,count,split\n0,0,0,2,test\n", /line 2: split is "test"; allowed are train, eval, probe/],
])("refuses a CSV and says where: %j", async (text, message) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "a.csv"), text);
  const { code, stderr } = await moescope(["import", "a.csv", "--format", "csv", "--top-k", "2"], directory);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
});
