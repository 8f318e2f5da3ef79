// A real run as files, read back: every count is in them, whichever the format.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sumHistograms } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { expect, it, vi } from "vitest";
import { readEvents } from "../exchange/tensorboard/event-file.ts";
import { gathered } from "../testing/gathered.ts";
import { moescope, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

/** Milliseconds; a run and eight commands, one after another. */
vi.setConfig({ testTimeout: 180_000 });

const steps = 6;
const experts = 4;
const assignments = 2 * 4 * 16 * steps; // top-2 of 4 sequences of 16 tokens

it("writes a run so that what others read adds up to what was stored", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const train = await moescope(["train", ...tinyRun, "--steps", String(steps), "--json"], directory);
  expect(train.code, train.stderr).toBe(0);
  const { run, loss } = JSON.parse(train.stdout);
  const write = async (format: string, out: string, ...more: string[]) => {
    const written = await moescope(["export", run, "--format", format, "--out", out, ...more], directory);
    expect(written, written.stderr).toMatchObject({ code: 0 });
    return written.stdout.trim().split("\n");
  };
  const load = await storedLoad(`${http}/api/v1/runs/${run}`);
  expect(load.reduce((sum, count) => sum + count, 0)).toBe(assignments);

  const parquet = await write("parquet", "parquet");
  expect(parquet.map((path) => path.split("/").at(-1))).toEqual([
    ...["steps", "scalars", "layers", "categories", "routing", "gates"].map((name) => `${name}.parquet`),
    "run.json",
  ]);
  const rows = await parquetRows(join(directory, "parquet", "routing.parquet"));
  expect(loadOf(rows.filter(({ split }) => split === "train"))).toEqual(load);
  expect(rows[0]).toMatchObject({
    run,
    split: "train",
    attempt: 0n,
    step: 0n,
    layer: 0n,
    category: "maths",
    expert: 0n,
  });
  expect(typeof rows[0]!.selection_bias).toBe("number");
  const gates = await parquetRows(join(directory, "parquet", "gates.parquet"));
  const { layers } = (await storedBucket(`${http}/api/v1/runs/${run}`)).buckets[0]!;
  const masses = new Array<number>(experts).fill(0);
  for (const row of gates) if (row.split === "train") masses[Number(row.expert)]! += row.gate_mass as number;
  // Top-2 weights of a token add up to 1.
  expect(masses).toEqual(layers[0]!.gateMass.map((mass) => expect.closeTo(mass, 9)));
  expect(masses.reduce((sum, mass) => sum + mass, 0)).toBeCloseTo(assignments / 2, -1);

  await write("jsonl", "jsonl", "--split", "train");
  const objects = readFileSync(join(directory, "jsonl", "routing.jsonl"), "utf8")
    .trim()
    .split("\n");
  expect(loadOf(objects.map((line) => JSON.parse(line)))).toEqual(load);

  await write("csv", "csv", "--split", "train", "--from", "2", "--to", "3");
  const [header, ...lines] = readFileSync(join(directory, "csv", "scalars.csv"), "utf8")
    .trim()
    .split("\n");
  expect(header).toBe("run,split,attempt,step,name,value");
  expect(new Set(lines.map((line) => line.split(",")[3]))).toEqual(new Set(["2", "3"]));

  const [events] = await write("tensorboard", "logs", "--split", "train");
  expect(events).toMatch(new RegExp(`^logs/${run}/train/events\\.out\\.tfevents\\.\\d+\\.moescope$`));
  const read = await gathered(readEvents(join(directory, events!)));
  expect(read[0]!.fileVersion).toBe("brain.Event:2");
  expect(read.slice(1).map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
  const last = new Map(read.at(-1)!.summary!.value.map(({ tag, simpleValue }) => [tag, simpleValue]));
  expect(last.get("loss")).toBeCloseTo(loss, 5);
  expect(last.get("max_violation/layer_0")).toBeCloseTo(last.get("max_violation/mean")!, 6);

  await write("eplb", "load.json");
  expect(JSON.parse(readFileSync(join(directory, "load.json"), "utf8"))).toEqual({
    ...{ run, split: "train", firstStep: 0, lastStep: steps - 1 },
    ...{ layers: [0], weight: [load] },
  });
  await write("eplb", "load.npy");
  const npy = readFileSync(join(directory, "load.npy"));
  const head = npy.subarray(0, 128).toString("latin1");
  expect(head.slice(1, 6)).toBe("NUMPY");
  expect(head.slice(10)).toMatch(/^\{'descr': '<i8', 'fortran_order': False, 'shape': \(1, 4\), \} *\n$/);
  expect(load.map((_, expert) => Number(npy.readBigInt64LE(128 + 8 * expert)))).toEqual(load);
});

async function storedBucket(address: string): Promise<v1.History> {
  const answer = await fetch(`${address}/history?points=1&layers=all`, {
    headers: { accept: "application/x-protobuf" },
  });
  return v1.History.decode(new Uint8Array(await answer.arrayBuffer()));
}

async function storedLoad(address: string): Promise<number[]> {
  const { buckets } = await storedBucket(address);
  const { categories } = buckets[0]!.layers[0]!;
  return [...sumHistograms(categories.map(({ counts }) => counts))];
}

interface RoutingRow extends Record<string, unknown> {
  expert: number | bigint;
  count: number | bigint;
}

async function parquetRows(path: string): Promise<RoutingRow[]> {
  return (await parquetReadObjects({ file: await asyncBufferFromFile(path) })) as RoutingRow[];
}

function loadOf(rows: readonly RoutingRow[]): number[] {
  const load = new Array<number>(experts).fill(0);
  for (const { expert, count } of rows) load[Number(expert)]! += Number(count);
  return load;
}

it("refuses what it cannot write, before it asks a collector", async () => {
  const directory = temporaryDirectory();
  const wrong = async (...args: string[]) => {
    const { code, stderr } = await moescope(["export", "some-run", ...args], directory);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await wrong("--format", "hdf5", "--out", "x")).toMatch(
    /Allowed choices are parquet, jsonl, csv, tensorboard, eplb/,
  );
  expect(await wrong("--format", "eplb", "--out", "load.txt")).toMatch(
    /load\.txt: a load matrix ends in \.json or \.npy/,
  );
  expect(await wrong("--format", "csv", "--out", "/")).toMatch(/--out \/ is not empty/);
});
