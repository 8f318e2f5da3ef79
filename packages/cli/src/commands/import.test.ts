// What something else recorded, stored as a run and read back from a collector.
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { readBackup } from "../exchange/backup-file.ts";
import { EventFile } from "../exchange/tensorboard/event-file.ts";
import { rowsOf } from "../testing/csv-rows.ts";
import { gathered } from "../testing/gathered.ts";
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
    ...["0,1,code,0,4,1,a", "0,1,code,2,2,,a", '0,1,"a ""b"", c",1,4,,a', "0,4,code,3,6,,a"],
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
        { category: 0, counts: [4, 0, 2, 0], tokens: 3, dropped: 1, droppedCounts: [1, 0, 0, 0] },
        { category: 1, counts: [0, 4, 0, 0], tokens: 2, dropped: 0 },
      ],
    },
    { layer: 4, categories: [{ category: 0, counts: [0, 0, 0, 6], tokens: 3 }] },
  ]);
  expect(second).toMatchObject({ firstStep: 1, tokens: 6 });
});

it("what export wrote, and exports it again line by line: drops, holes, biases and attempts", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const rows = [
    "split,attempt,step,layer,category,expert,count,dropped,tokens,selection_bias",
    ...["train,0,0,0,a,0,4,1,3,0.5", "train,0,0,0,a,1,2,0,3,-0.25", "train,0,0,2,b,0,1,,3,", "train,0,0,2,b,1,4,,3,"],
    ...["train,0,7,2,a,0,0,0,1,", "train,0,7,2,a,1,2,2,1,", "train,2,8,0,b,0,1,0,1,NaN", "train,2,8,0,b,1,1,0,1,1.5"],
    ...["eval,0,7,0,a,0,2,0,2,", "eval,0,7,0,a,1,2,0,2,"],
  ];
  writeFileSync(join(directory, "first.csv"), rows.join("\n"));
  const exported = async (run: string, file: string) => {
    await importRun(directory, file, "--format", "csv", "--top-k", "2", "--id", run);
    const { code, stderr } = await moescope(["export", run, "--format", "csv", "--out", run], directory);
    expect(code, stderr).toBe(0);
    const csv = readFileSync(join(directory, run, "routing.csv"), "utf8");
    const names = rows[0]!.split(",");
    return rowsOf(csv.replaceAll("\n", "\r\n")).map((row) => names.map((name) => row[name]).join(","));
  };
  expect(await exported("first", "first.csv")).toEqual(rows.slice(1));
  expect(await exported("second", join("first", "routing.csv"))).toEqual(rows.slice(1));
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

  await importRun(directory, "trace", "--format", "megatron-trace", "--experts", "6", "--stage-layers", "4");
  const { run } = await summary(http, "trace");
  expect(run).toMatchObject({ moeLayers: [3], experts: 6, topK: 2 });
  expect(await history(http, "trace")).toMatchObject([
    { tokens: 4, layers: [{ layer: 3, categories: [{ counts: [3, 2, 1, 2, 0, 0], tokens: 4 }] }] },
    { tokens: 6, layers: [{ layer: 3, categories: [{ counts: [0, 0, 2, 2, 0, 0], tokens: 2 }] }] },
  ]);
});

describe("choices that other programs wrote are those that export gives back", () => {
  /** "step/layer/category/expert" and the count, of every expert that has one. */
  async function exported(directory: string, run: string): Promise<Record<string, number>> {
    const { code, stderr } = await moescope(["export", run, "--format", "csv", "--out", "out"], directory);
    expect(code, stderr).toBe(0);
    const rows = rowsOf(readFileSync(join(directory, "out", "routing.csv"), "utf8").replaceAll("\n", "\r\n")).filter(
      ({ count }) => count !== "0",
    );
    return Object.fromEntries(
      rows.map(({ split, step, layer, category, expert, count }) => [
        [split, step, layer, category, expert].join("/"),
        Number(count),
      ]),
    );
  }

  it("Megatron's tokens per expert, on ranks that hold other experts and other layers", async () => {
    const directory = temporaryDirectory();
    const folder = join(directory, "tokens_per_expert");
    mkdirSync(folder);
    const lines = (...tpe: number[][][]) =>
      tpe.map((forwards, place) =>
        JSON.stringify({ iter: 10 * (place + 1), block: "decoder", layer: 1, tpe: forwards }),
      );
    // Two stages of two blocks, the second of each with four experts on two ranks; 4 tokens, top-2.
    writeFileSync(
      join(folder, "rank0.jsonl"),
      lines(
        [
          [1, 0],
          [2, 1],
        ],
        [
          [1, 1],
          [1, 1],
        ],
      ).join("\n"),
    );
    writeFileSync(
      join(folder, "rank1.jsonl"),
      lines(
        [
          [3, 0],
          [0, 1],
        ],
        [
          [1, 1],
          [1, 1],
        ],
      ).join("\n"),
    );
    writeFileSync(
      join(folder, "rank2.jsonl"),
      lines(
        [
          [2, 2],
          [0, 0],
        ],
        [
          [0, 0],
          [0, 0],
        ],
      ).join("\n"),
    );
    writeFileSync(
      join(folder, "rank3.jsonl"),
      lines(
        [
          [0, 0],
          [1, 3],
        ],
        [
          [4, 0],
          [0, 4],
        ],
      ).join("\n"),
    );
    const spread = ["--top-k", "2", "--tokens-per-step", "4", "--experts", "4", "--stage-layers", "2,2"];
    await importRun(directory, "tokens_per_expert", "--format", "megatron-tokens", ...spread);
    expect(await exported(directory, "tokens_per_expert")).toEqual({
      ...{ "train/9/1/all/0": 3, "train/9/1/all/1": 1, "train/9/1/all/2": 3, "train/9/1/all/3": 1 },
      ...{ "train/9/3/all/0": 2, "train/9/3/all/1": 2, "train/9/3/all/2": 1, "train/9/3/all/3": 3 },
      ...{ "train/19/1/all/0": 2, "train/19/1/all/1": 2, "train/19/1/all/2": 2, "train/19/1/all/3": 2 },
      ...{ "train/19/3/all/2": 4, "train/19/3/all/3": 4 },
    });
  });

  it("vLLM's responses", async () => {
    const directory = temporaryDirectory();
    // numpy 2.4: np.save of np.array([[[0, 0], [2, 1]], [[0, 0], [1, 3]], [[0, 0], [0, 3]]], np.uint8), in base64.
    const spaces = "ICAg".repeat(18);
    const routed = `k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIsIDIpLCB9${spaces}IAoAAAIBAAABAwAAAAM=`;
    const response = { choices: [{ index: 0, text: "a", routed_experts: routed }], usage: { completion_tokens: 2 } };
    writeFileSync(join(directory, "served.jsonl"), `${JSON.stringify(response)}\n`);
    await importRun(directory, "served.jsonl", "--format", "vllm", "--split", "rollout");
    expect(await exported(directory, "served")).toEqual({
      ...{ "rollout/0/1/prompt/1": 2, "rollout/0/1/prompt/2": 1, "rollout/0/1/prompt/3": 1 },
      ...{ "rollout/0/1/generated/0": 1, "rollout/0/1/generated/3": 1 },
    });
  });

  it("a trace of llama.cpp", async () => {
    const directory = temporaryDirectory();
    writeFileSync(
      join(directory, "trace.csv"),
      ["-2,3,0,1", "-1,3,1,2", "-1,5,2,0", "0,3,1,0", "0,5,2,1", ""].join("\n"),
    );
    await importRun(directory, "trace.csv", "--format", "llama");
    expect(await exported(directory, "trace")).toEqual({
      ...{ "train/0/3/prefill/0": 1, "train/0/3/prefill/1": 2, "train/0/3/prefill/2": 1 },
      ...{ "train/0/5/prefill/0": 1, "train/0/5/prefill/2": 1 },
      ...{ "train/1/3/decode/0": 1, "train/1/3/decode/1": 1, "train/1/5/decode/1": 1, "train/1/5/decode/2": 1 },
    });
  });
});

it.each([
  [
    "megatron-tokens",
    [],
    /--format megatron-tokens needs --tokens-per-step, the global batch times the sequence length/,
  ],
  ["megatron-tokens", ["--tokens-per-step", "1"], /--format megatron-tokens needs --top-k/],
  ["megatron-tokens", ["--stage-layers", "2,x"], /'2,x' is invalid/],
  ["llama", ["--split", "test"], /'test' is invalid.*train, eval, probe, rollout/],
  ["csv", [], /--format csv needs --top-k/],
])("%s without what its files do not say is wrong use: %j", async (format, args, message) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "rank0.jsonl"), "");
  const { code, stderr } = await moescope(["import", ".", "--format", format, ...args], directory);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

it("TensorBoard scalars", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const file = new EventFile(join(directory, "events.out.tfevents.1700000000.host"), 1_700_000_000);
  for (const step of [0, 10, 20]) {
    await file.write(1_700_000_000 + step, step, [{ tag: "train/loss", simpleValue: 2 - step / 16 }]);
    await file.write(1_700_000_001 + step, step, [{ tag: "lr", tensor: { dtype: 1, floatVal: [0.5] } }]);
  }
  await file.write(1_700_000_100, -1, [{ tag: "train/loss", simpleValue: 9 }]); // of no step
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

it("a routing trace of two pipeline stages, with the tokens of one", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  mkdirSync(join(directory, "trace"));
  for (const rank of [0, 1]) {
    const records = [0, 1].flatMap((step) =>
      [0, 1].map((layer) =>
        JSON.stringify({
          step,
          layer,
          topk: 2,
          top_indices: [
            [rank, 2],
            [3, layer],
          ],
        }),
      ),
    );
    writeFileSync(join(directory, "trace", `router_trace_rank${rank}.jsonl`), records.join("\n"));
  }
  const without = await moescope(["import", "trace", "--format", "megatron-trace"], directory);
  expect(without.stderr).toMatch(/Ranks 0 and 1 both have a layer 0/);
  expect(without.code).toBe(2);
  await importRun(directory, "trace", "--format", "megatron-trace", "--stage-layers", "2,2");
  expect(await summary(http, "trace")).toMatchObject({ tokens: 4, run: { moeLayers: [0, 1, 2, 3] } });
});

it("a run that is as long as its file says, not until now", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const path = join(directory, "a.csv");
  writeFileSync(path, "step,layer,expert,count\n0,0,0,2\n1,0,0,2\n");
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  await importRun(directory, "a.csv", "--format", "csv", "--top-k", "1");
  const file = new EventFile(join(directory, "events.out.tfevents.1700000000.host"), 1_700_000_000);
  for (const step of [0, 1]) await file.write(1_700_000_000 + 60 * step, step, [{ tag: "loss", simpleValue: 1 }]);
  await file.close();
  await importRun(directory, ".", "--format", "tensorboard", "--id", "b");
  const hour = 3_600_000;
  for (const [run, lasted] of [
    ["a", 0],
    ["b", 60_000],
  ] as const) {
    const { stdout } = await moescope(["backup", run, "--out", `${run}.gz`], directory);
    expect(stdout).toContain(`${run}.gz`);
    const messages = await gathered(readBackup(join(directory, `${run}.gz`)));
    const [{ hello }, last] = [messages[0]!, messages.at(-1)!];
    expect(last.end!.endedAt! - hello!.run!.startedAt!).toBe(lasted);
    expect(Math.abs(last.end!.endedAt! - 1_700_000_000_000)).toBeLessThan(hour);
  }
});

it.each([
  ["step,layer,expert,count\n0,0,1,1.5\n", /line 2: count is "1\.5"; allowed are whole numbers from 0/],
  ["step,layer,expert,count\n0,0,1,3\n", /Step 0, layer 0, category all: 3 assignments are no multiple of top-k, 2/],
])("refuses a CSV and says where, before anything is stored: %j", async (text, message) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "a.csv"), text);
  const { code, stderr } = await moescope(["import", "a.csv", "--format", "csv", "--top-k", "2"], directory);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  expect(existsSync(join(directory, "moescope-data"))).toBe(false); // so the file can be tried again
});
