import { addRank, type StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { hasNoPast, writeOldStore } from "../../testing/old-store.ts";
import { describedRun, random, randomStep } from "../../testing/runs.ts";
import { openDatabase } from "../../testing/store-kind.ts";
import { asNumber, DATABASE, Database } from "../engine/database.ts";
import { shownAttempts } from "../reading/attempts.ts";
import { queryHistory } from "../reading/history.ts";
import { UNSEALED } from "../schema/pieces.ts";
import { ROLLED_TABLES } from "../schema/schema.ts";
import { Store } from "../store.ts";
import { asStored } from "./gates.ts";
import { rollUp } from "./rollups.ts";

const log = pino({ level: "silent" });
const OPTIONS = { rollUpEvery: 32, durability: "os" } as const;
let database: Database;
let store: Store;
const sums = new Map<string, StepSum>();

beforeEach(async () => {
  database = await openDatabase(temporaryDirectory());
  store = await Store.open(database, log, OPTIONS);
  sums.clear();
});
afterEach(() => database.close());

async function begin(run: v1.RunDescription): Promise<void> {
  await store.writeDescriptions([{ description: run, attempt: 0 }]);
  await claim(run);
}

/** As a collector does, where others might store the run as well. */
async function claim({ id }: v1.RunDescription): Promise<void> {
  if (store.owns(id)) return;
  await store.claim(id, () => {});
  store.own(id);
}

/** What a collector does that is started after this one. */
async function reopen(run: v1.RunDescription): Promise<void> {
  store = await Store.open(database, log, OPTIONS);
  await claim(run);
}

/** One batch. */
async function write(messages: v1.Step[], ends: v1.RunEnd[] = []): Promise<void> {
  const steps = messages.map((message) => {
    asStored(message);
    const key = `${message.run}/${message.attempt}/${message.step}`;
    sums.set(key, addRank(message, sums.get(key)));
    return { message, sum: sums.get(key)! };
  });
  const { run, rank, attempt } = messages[0] ?? { ...ends[0]!, rank: 0, attempt: 0 };
  const mark = { run, rank, attempt, sequence: 1, rejected: 0, lastMessageAt: 1 };
  await store.write(store.layOut({ steps, ends, streams: [mark] }));
}

interface Asked {
  from: number;
  to: number;
  points: number;
  attempts?: { attempt: number; firstStep: number }[];
}

/** What history answers, with the help of rollups or from the steps alone. */
async function history(run: v1.RunDescription, { attempts, ...asked }: Asked, from: "rollups" | "steps") {
  const { id, moeLayers, ranks } = run;
  const { buckets } = await queryHistory(
    {
      ...{ run: id, split: v1.Split.TRAIN, layers: moeLayers, ranks, ...asked },
      attempts: shownAttempts(attempts ?? [{ attempt: 0, firstStep: 0 }]),
      sealed: (attempt) => (from === "steps" ? UNSEALED : store.sealed(id, v1.Split.TRAIN, attempt)),
      singleFrom: (attempt) => (from === "steps" ? 0 : store.singleFrom(id, attempt)),
      exists: store.existing(id),
    },
    database,
  );
  // Typed arrays as ordinary ones.
  return buckets.map((bucket) => JSON.parse(JSON.stringify(v1.StepBucket.toObject(bucket))) as object);
}

/** Sums of numbers that are no integers depend on the order they are added up in. */
function about(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? value : expect.closeTo(value, 6);
  if (Array.isArray(value)) return value.map(about);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, about(item)]));
}

async function expectRollupsAgree(run: v1.RunDescription, asked: Asked): Promise<void> {
  expect(await history(run, asked, "rollups")).toEqual(about(await history(run, asked, "steps")));
}

const RANGES: Asked[] = [
  { from: 0, to: 2999, points: 3 },
  { from: 0, to: 2999, points: 100 },
  { from: 37, to: 1203, points: 20 },
  { from: 1000, to: 1000, points: 1 },
  { from: 17, to: 2222, points: 1 },
];

test("a long run reads the same from rollups as from its steps, and needs the steps no more", async () => {
  const run = describedRun("long");
  await begin(run);
  const next = random(1);
  for (let step = 0; step < 1500; ) {
    const length = 1 + Math.floor(next() * 90);
    await write(Array.from({ length }, (_, index) => randomStep(run, { sequence: 1, step: step + index })));
    step += length;
  }
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBeGreaterThanOrEqual(1472);
  for (const asked of RANGES) await expectRollupsAgree(run, asked);
  const asked = { from: 0, to: 1407, points: 22 };
  const before = await history(run, asked, "steps");
  for (const table of ["steps", "layers", "routing"])
    await database.runOnEach((own) => `TRUNCATE TABLE ${own}.${table}`);
  expect(await history(run, asked, "rollups")).toEqual(about(before));
}, 240_000);

test("a run that is over is read from rollups, however seldom they are made", async () => {
  store = await Store.open(database, log, { ...OPTIONS, rollUpEvery: 512 });
  const run = describedRun("over");
  await begin(run);
  const steps = (from: number, length: number) =>
    Array.from({ length }, (_, index) => randomStep(run, { sequence: 1, step: from + index }));
  await write(steps(0, 100));
  await write(steps(100, 75));
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(0);
  await write(steps(175, 1), [v1.RunEnd.create({ run: run.id, sequence: 2, outcome: v1.RunEnd.Outcome.FINISHED })]);
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(160);
  for (const asked of RANGES) await expectRollupsAgree(run, asked);
  await reopen(run);
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(160);
  for (const asked of RANGES) await expectRollupsAgree(run, asked);
});

test("ranks that lag, steps that come late or twice, attempts that rewind, and restarts change nothing", async () => {
  const run = describedRun("unruly", { ranks: 3, moeLayers: [1] });
  await begin(run);
  const next = random(2);
  // Rank 2 sends nothing for long, then everything; rank 1 skips some steps and sends them at the end.
  const skipped: number[] = [];
  for (let step = 0; step < 1300; step += 100) {
    const messages: v1.Step[] = [];
    for (let at = step; at < step + 100; at++) {
      messages.push(randomStep(run, { sequence: 1, step: at, rank: 0 }));
      if (next() < 0.05) skipped.push(at);
      else messages.push(randomStep(run, { sequence: 1, step: at, rank: 1 }));
    }
    await write(messages);
    if (step === 600) await reopen(run);
  }
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(Math.floor((1299 - 1024 + 1) / 32) * 32);
  for (let step = 0; step < 1300; step += 260) {
    await write(Array.from({ length: 260 }, (_, at) => randomStep(run, { sequence: 1, step: step + at, rank: 2 })));
  }
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(1280);
  for (const asked of RANGES) await expectRollupsAgree(run, asked);
  for (let index = 0; index < skipped.length; index += 25) {
    await write(skipped.slice(index, index + 25).map((step) => randomStep(run, { sequence: 1, step, rank: 1 })));
  }
  const rewound = [0, 1, 2].flatMap((rank) =>
    Array.from({ length: 200 }, (_, at) => randomStep(run, { sequence: 1, step: 700 + at, rank, attempt: 1 })),
  );
  await write(rewound);
  for (const asked of RANGES) await expectRollupsAgree(run, asked);
  const attempts = [0, 1].map((attempt) => ({ attempt, firstStep: attempt * 700 }));
  for (const asked of RANGES) await expectRollupsAgree(run, { ...asked, attempts });
}, 240_000);

interface Numbering {
  name: string;
  number(step: number): number;
  /** Sent among the others, far from them. */
  odd?: readonly number[];
}

const NUMBERINGS: Numbering[] = [
  { name: "every step", number: (step) => step },
  { name: "every step, with others far away", number: (step) => step, odd: [10 ** 9, 1.8e12, 2 ** 53 - 1, 600_000] },
  { name: "every tenth step", number: (step) => 10 * step },
  { name: "milliseconds", number: (step) => 1.8e12 + 250 * step + ((step * 7) % 50) },
  { name: "tokens", number: (step) => 2_097_152 * step },
  { name: "powers", number: (step) => Math.floor(1.02 ** step) + step },
];

/** Sends 800 steps in batches of 60, with a restart in between; @returns rows of rollups, and statements that made some */
async function sendNumbered(id: string, { number, odd = [] }: Numbering, ranks: number) {
  const run = describedRun(id, { ranks, moeLayers: [1] });
  await begin(run);
  sums.clear();
  const made = vi.spyOn(Database.prototype, "insertSelected");
  const numbers: number[] = [];
  for (let at = 0; at < 800; at += 60) {
    const steps = Array.from({ length: Math.min(60, 800 - at) }, (_, index) => number(at + index));
    const far = odd[(at / 60) % 13];
    if (far !== undefined) steps.splice(30, 0, far);
    numbers.push(...steps);
    const batch = steps.flatMap((step) =>
      Array.from({ length: ranks }, (_, rank) => randomStep(run, { sequence: 1, step, rank })),
    );
    await write(batch);
    if (at === 480) await reopen(run);
  }
  await write([], [v1.RunEnd.create({ run: id, sequence: 2, outcome: v1.RunEnd.Outcome.FINISHED })]);
  const [row] = await database.rows(`SELECT count() FROM ${DATABASE}.rolled_steps WHERE run = '${id}'`);
  const statements = made.mock.calls.length;
  made.mockRestore();
  return { run, numbers, rows: asNumber(row![0]), statements };
}

test.each([
  ...NUMBERINGS.map((numbering) => ({ ...numbering, ranks: 1 })),
  ...NUMBERINGS.slice(1, 4).map((numbering) => ({ ...numbering, ranks: 2 })),
])("steps of any number read the same from rollups, which cost no more: $name, $ranks", async (numbering) => {
  const usual = await sendNumbered("usual", NUMBERINGS[0]!, numbering.ranks);
  const { run, numbers, rows, statements } = await sendNumbered("numbered", numbering, numbering.ranks);
  expect(rows).toBeLessThanOrEqual(2 * usual.rows);
  expect(statements).toBeLessThanOrEqual(2 * usual.statements + 60);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const near = [...numbers].sort((a, b) => a - b)[700]!;
  const ranges: [number, number][] = [
    [0, last],
    [first, near],
    [numbers[100]!, numbers[650]!],
  ];
  for (const [from, to] of ranges) await expectRollupsAgree(run, { from: Math.min(from, to), to, points: 37 });
});

test("rollups without their batch's mark are not seen, and deleted on opening", async () => {
  const run = describedRun("interrupted");
  await begin(run);
  const steps = Array.from({ length: 64 }, (_, step) => randomStep(run, { sequence: 1, step }));
  await write(steps.slice(0, 40));
  for (const step of steps.slice(40)) asStored(step);
  const rest = steps.slice(40).map((message) => ({ message, sum: addRank(message) }));
  await store.write(store.layOut({ steps: rest, ends: [], streams: [] }));
  await reopen(run);
  for (const table of ["steps", "rolled_steps", "rolled_routing", "sealed"]) {
    const [row] = await database.rows(`SELECT uniqExact(batch) FROM ${DATABASE}.${table}`);
    expect([table, asNumber(row![0])]).toEqual([table, 1]);
  }
  sums.clear();
  await write(steps.slice(40));
  expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(64);
  await expectRollupsAgree(run, { from: 0, to: 63, points: 1 });
});

test.skipIf(hasNoPast()).each([1, 2, 3, 9, 14])(
  "a store of schema version %i is rolled up when it is opened",
  async (version) => {
    await database.close();
    const run = describedRun("old");
    const steps = Array.from({ length: 100 }, (_, step) => busyStep(run, step));
    const directory = temporaryDirectory();
    await writeOldStore(directory, version, run, steps);
    database = await openDatabase(directory);
    await reopen(run);
    expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBe(96);
    await expectRollupsAgree(run, { from: 0, to: 99, points: 2 });
    const [row] = await database.rows(`SELECT count() FROM ${DATABASE}.rolled_steps`);
    expect(asNumber(row![0])).toBe(3);
    await write([busyStep(run, 100), busyStep(run, 101)]);
    for (const step of [0, 99, 100, 101]) await expectCounts(run, busyStep(run, step));
  },
);

test("counts come back whatever they are: alike, now and then out of reach, and as large as they may be", async () => {
  const run = describedRun("counts");
  await begin(run);
  const steps = Array.from({ length: 60 }, (_, step) => busyStep(run, step));
  steps.push(...[0, 1, 2].map((step) => withCounts(busyStep(run, 60 + step), () => (step === 1 ? 2 ** 32 - 1 : 0))));
  await write(steps.slice(0, 30));
  await write(steps.slice(30));
  for (const step of steps) await expectCounts(run, step);
  const [row] = await database.rows(
    `SELECT countIf(shared_base != '' AND empty(base)), countIf(shared_base = '' AND notEmpty(base)), count() FROM ${DATABASE}.routing`,
  );
  const [shared, own, all] = row!.map(asNumber) as [number, number, number];
  expect(Math.min(shared, own)).toBeGreaterThan(20);
  expect(shared + own).toBe(all);
});

/** Loads of some thousand, one of them out of a byte's reach in every tenth step. */
function busyStep(run: v1.RunDescription, step: number): v1.Step {
  const next = random(step + 1);
  return withCounts(randomStep(run, { sequence: step + 1, step }), (expert) => {
    const usual = 1000 * (expert + 1) + Math.floor(next() * 100);
    return step % 10 === 9 && expert === 1 ? usual + 400 : usual;
  });
}

function withCounts(step: v1.Step, count: (expert: number) => number): v1.Step {
  for (const { categories } of step.histograms) {
    for (const category of categories!) category.counts = category.counts!.map((_, expert) => count(expert));
  }
  return step;
}

async function expectCounts(run: v1.RunDescription, { step, histograms }: v1.Step): Promise<void> {
  const [bucket] = await history(run, { from: step, to: step, points: 1 }, "steps");
  const counts = (layers: { categories?: unknown }[]) =>
    layers.map(({ categories }) => (categories as { counts: number[] }[]).map(({ counts }) => counts));
  expect(counts((bucket as { layers: { categories: unknown }[] }).layers)).toEqual(counts(histograms));
}

test.skipIf(hasNoPast())("rollups of the former width are read, and made again when a step comes late", async () => {
  const run = describedRun("former");
  await begin(run);
  const steps = Array.from({ length: 160 }, (_, step) => randomStep(run, { sequence: step + 1, step }));
  const late = steps.splice(40, 1);
  await write(steps);
  await rollUpAsFormerly(run, 112);
  await reopen(run);
  expect(store.sealed(run.id, v1.Split.TRAIN, 0)).toEqual({
    ...{ spans: [{ from: 0, until: 160 }], exponent: 0, formerUntil: 112 },
    // In a shared store somebody else may have made them as well.
    once: database.embedded,
  });
  const asked = [8, 16, 32, 64, 128].map((width) => ({ from: 3, to: 159, points: 160 / width }));
  for (const each of asked) await expectRollupsAgree(run, each);
  await write(late);
  for (const each of asked) await expectRollupsAgree(run, each);
  expect(store.sealed(run.id, v1.Split.TRAIN, 0).once).toBe(false);
  await reopen(run);
  expect(store.sealed(run.id, v1.Split.TRAIN, 0).once).toBe(false);
  for (const each of asked) await expectRollupsAgree(run, each);
  for (const table of ["steps", "layers", "routing"]) {
    await database.runOnEach((own) => `DELETE FROM ${own}.${table} WHERE step >= 16 AND step < 112`);
  }
  const [first] = await history(run, { from: 16, to: 111, points: 1 }, "rollups");
  expect(first).toMatchObject({ firstStep: 16, lastStep: 111, steps: 96 });
});

/** Replaces what the newest version rolled up to this step. */
async function rollUpAsFormerly({ id }: v1.RunDescription, until: number): Promise<void> {
  const place = { run: id, split: v1.Split.TRAIN, attempt: 0 };
  const [row] = await database.rows(`SELECT max(batch) FROM ${DATABASE}.steps`);
  const batch = asNumber(row![0]);
  const context = { ranks: 1, batch, exists: store.existing(id) };
  for (const table of ROLLED_TABLES) {
    await database.runOnEach((own) => `DELETE FROM ${own}.${table} WHERE width = 32 AND step < ${until}`);
  }
  const task = { ...place, exponent: 0, formerUntil: until, width: 16, spans: [{ from: 0, until }] };
  await rollUp(task, context, database);
  await database.run(
    `INSERT INTO ${DATABASE}.sealed (run, split, attempt, batch, until) VALUES ('${id}', 'TRAIN', 0, ${batch}, ${until})`,
  );
}
