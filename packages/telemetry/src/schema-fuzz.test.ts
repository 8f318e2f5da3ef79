// Campaigns of messages made from the schema, over several runs, ranks, attempts and a restart: whatever is acknowledged and not refused is
// read back as it was sent, one by one and added up, and nothing that was sent keeps the collector from anything.
// FUZZ_CAMPAIGNS sets how many (default 1), FUZZ_SEED which.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LIMITS, type Limit, layersOf, PROTOCOL_VERSION, v1 } from "@moescope/proto";
import fc, { type GeneratorValue } from "fast-check";
import { expect, test } from "vitest";
import type { Collector } from "./index.ts";
import { startCollector } from "./index.ts";
import { asStored } from "./store/writing/gates.ts";
import { atEveryLimit, changed, type Plain, pick, typeOf } from "./testing/any-message.ts";
import { get, getHistory, TEST_OPTIONS, temporaryDirectory } from "./testing/collector.ts";
import { delimited } from "./testing/delimited.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

const MESSAGES = 60;
/** Scalars of a step, and such steps: what once kept a collector busy for 71 seconds. */
const [CROWD, CROWDED_STEPS] = [15_000, 33];
/** Strange Hellos before each stream. */
const STRANGERS = 10;
/** MiB that a campaign may leave behind; fast-check keeps what it chose. */
const MOST_MIB_KEPT = 128;

/** Of both versions of the protocol; the rollups of the one with a single rank are made as its steps come, others by the store. */
const RUNS = [
  describedRun("alone", { ranks: 1, configJson: "" }),
  describedRun("first", { ranks: 2, configJson: "" }),
  describedRun("second", {
    ...{ ranks: 2, configJson: "", moeLayers: [], experts: 0, topK: 0 },
    layers: [
      new v1.MoeLayer({ index: 0, experts: 4, topK: 2 }),
      new v1.MoeLayer({ index: 7, experts: 6, topK: 0, identityExperts: 2, group: "vision" }),
      new v1.MoeLayer({ index: 2 ** 31, experts: 3, topK: 1, expertsChoose: true }),
    ],
  }),
];

test("what is acknowledged is stored as it was sent, and what is not is refused", { timeout: 600_000 }, async () => {
  const numRuns = Number(process.env.FUZZ_CAMPAIGNS ?? 1);
  const seed = Number(process.env.FUZZ_SEED ?? 20_261_128);
  const { failed, errorInstance } = await fc.check(fc.asyncProperty(fc.gen(), campaign), {
    ...{ numRuns, seed, endOnFailure: true },
  });
  // The library's own message lists every choice that was made.
  if (failed) throw new Error(`FUZZ_SEED=${seed} finds it`, { cause: errorInstance });
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are in use, garbage left out. */
function bytesInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function campaign(random: GeneratorValue): Promise<void> {
  const before = bytesInUse();
  await reportAndRead(random);
  expect((bytesInUse() - before) / 2 ** 20).toBeLessThan(MOST_MIB_KEPT);
}

async function reportAndRead(random: GeneratorValue): Promise<void> {
  const dataDirectory = temporaryDirectory();
  const log: Sent[] = [];
  await withCollector(dataDirectory, async (collector) => {
    await describeAtEveryLimit(collector);
    await sendCrowds(collector);
    log.push(...(await reportAttempt(collector, random, 0)));
    await expectStored(collector, log);
  });
  await withCollector(dataDirectory, async (collector) => {
    log.push(...(await reportAttempt(collector, random, 1)));
  });
  await withCollector(dataDirectory, (collector) => expectStored(collector, log));
}

async function withCollector(dataDirectory: string, work: (collector: Collector) => Promise<void>): Promise<void> {
  const logged = process.env.FUZZ_LOG ? ({ logLevel: "warn" } as const) : {};
  const collector = await startCollector({ ...TEST_OPTIONS, dataDirectory, ...logged });
  try {
    await work(collector);
  } finally {
    await collector.stop();
  }
}

/** Runs of which one field is at a limit of its type: each is taken or refused. */
async function describeAtEveryLimit(collector: Collector): Promise<void> {
  const [usual, inFull] = [RUNS[1]!, RUNS[2]!].map((run) => v1.RunDescription.toObject(run) as Plain) as [Plain, Plain];
  const layer = v1.MoeLayer.toObject(RUNS[2]!.layers[0]!) as Plain;
  const descriptions: Plain[] = [
    ...atEveryLimit(typeOf("RunDescription"), usual),
    ...[...atEveryLimit(typeOf("MoeLayer"), layer)].map((changed) => ({ ...inFull, id: usual.id, layers: [changed] })),
  ];
  const sender = new TestSender(collector.grpcAddress);
  for (const [number, run] of descriptions.entries()) {
    const id = run.id === usual.id ? `limit-${number}` : run.id;
    sender.send({ hello: { protocolVersion: PROTOCOL_VERSION, run: { ...run, id } } as v1.Hello.$Properties });
    await sender.until(() => sender.answers.length > number);
  }
  sender.close();
  await expectRunList(collector);
}

/** Steps with more scalars than any trainer has: taken or refused, in a time that follows how many there are. */
async function sendCrowds(collector: Collector): Promise<void> {
  const run = describedRun("crowds");
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const scalars = Array.from({ length: CROWD }, (_, name) => ({ name: `${name}`, value: name }));
  for (let step = 0; step < CROWDED_STEPS; step++) {
    sender.send({ step: { ...randomStep(run, { sequence: step + 1, step }), scalars } as v1.Step });
  }
  await inTime(sender.untilAcknowledged(CROWDED_STEPS), () => "crowds are not acknowledged");
  sender.close();
}

async function reportAttempt(collector: Collector, random: GeneratorValue, attempt: number): Promise<Sent[]> {
  const log: Sent[] = [];
  for (const run of RUNS) {
    for (let rank = 0; rank < run.ranks; rank++) log.push(...(await report(collector, random, { run, rank, attempt })));
  }
  return log;
}

interface Place {
  run: v1.RunDescription;
  rank: number;
  attempt: number;
}

/** A message that was acknowledged and not refused. */
type Sent = Partial<Pick<v1.ReportRequest, "step" | "end">>;

/** One stream. */
async function report(collector: Collector, random: GeneratorValue, place: Place): Promise<Sent[]> {
  // The run is what its first Hello says.
  (await TestSender.connect(collector.grpcAddress, place.run, place.rank, place.attempt)).close();
  for (let stranger = 0; stranger < STRANGERS; stranger++) await strangeHello(collector, random, place);
  const sender = await TestSender.connect(collector.grpcAddress, place.run, place.rank, place.attempt);
  expect(sender.rejections).toEqual([]);
  const sent = new Map<number, Sent | undefined>();
  for (let sequence = 1; sequence <= MESSAGES; sequence++) {
    const request = sequence === MESSAGES ? endOf(random, place, sequence) : stepOf(random, place, sequence);
    const bytes = v1.ReportRequest.encode(request as v1.ReportRequest.$Properties).finish();
    // As it goes out, so that what is not exact as a number is not expected.
    sent.set(sequence, read(bytes));
    sender.sendBytes(bytes);
    if (random(fc.nat, { max: 9 }) === 0) sender.sendBytes(strayMessage(random, place));
  }
  await inTime(
    sender.untilAcknowledged(MESSAGES),
    () => `acknowledged ${sender.acknowledged} of ${MESSAGES}: ${JSON.stringify(place)}`,
  );
  sender.close();
  for (const { sequence, message, reason } of sender.rejections) {
    expect(v1.Rejection.Reason[reason!]).toBeTruthy();
    expect(message!.length).toBeGreaterThan(10);
    expect(message!.length).toBeLessThan(1_000);
    // Only a sender's fault is refused.
    expect(message).not.toMatch(/fault of its own/);
    sent.delete(sequence!);
  }
  // What is no message is refused.
  return [...sent.values()].map((message) => message ?? expect.unreachable());
}

function read(bytes: Uint8Array): Sent | undefined {
  try {
    return v1.ReportRequest.decode(bytes);
  } catch {
    return undefined; // such as text that is not UTF-8
  }
}

/** Fails rather than waits for ever. */
async function inTime(work: Promise<void>, where: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(where())), 30_000);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** A Hello of another run, or of this one, that is like none that a program would send. */
async function strangeHello(
  collector: Collector,
  random: GeneratorValue,
  { run, rank, attempt }: Place,
): Promise<void> {
  const own = random(fc.boolean);
  const id = own ? run.id : `stranger-${random(fc.nat, { max: 99 })}`;
  const described = v1.RunDescription.toObject(v1.RunDescription.create({ ...run, id }));
  const hello = { protocolVersion: PROTOCOL_VERSION, run: described, rank, attempt: own ? attempt : 0 };
  const sender = new TestSender(collector.grpcAddress);
  const changes = 1 + random(fc.nat, { max: 3 });
  // Most of what a Hello says is in the description.
  const strange = random(fc.boolean)
    ? changed(random, typeOf("Hello"), hello as Plain, changes)
    : { ...hello, run: changed(random, typeOf("RunDescription"), described as Plain, changes) };
  sender.send({ hello: strange as v1.Hello.$Properties });
  await Promise.race([sender.until(() => sender.answers.length > 0).catch(() => undefined), sender.status]);
  sender.close();
}

function strayMessage(random: GeneratorValue, { run, rank, attempt }: Place): Uint8Array {
  const step = { run: run.id, rank, attempt, sequence: 10 ** 9, split: 1 };
  const request = pick<Plain>(random, [{ step }, { end: { ...step, outcome: 1 } }]);
  const changes = 1 + random(fc.nat, { max: 3 });
  const stray = changed(random, typeOf("ReportRequest"), request, changes);
  // Not the next, whatever else it is.
  for (const part of [stray.step, stray.end] as Plain[]) if (part) part.sequence = 10 ** 9;
  delete stray.hello;
  delete stray.checksum; // one that is wrong ends the stream
  return v1.ReportRequest.encode(stray as v1.ReportRequest.$Properties).finish();
}

function endOf(random: GeneratorValue, { run, rank, attempt }: Place, sequence: number): Plain {
  const end = { run: run.id, rank, attempt, sequence, outcome: 1, endedAt: 1 };
  const strange = changed(random, typeOf("RunEnd"), end, random(fc.nat, { max: 1 }));
  return { end: { ...strange, run: run.id, rank, attempt, sequence } };
}

function stepOf(random: GeneratorValue, place: Place, sequence: number): Plain {
  const { run, rank, attempt } = place;
  const own = { run: run.id, rank, attempt, sequence };
  const step = usualStep(random, place, sequence);
  const changes = Math.max(0, random(fc.nat, { max: 5 }) - 3);
  return { step: { ...changed(random, typeOf("Step"), step, changes), ...own } };
}

const JUMPS = [10 ** 9, 5 * 10 ** 9, 1.8 * 10 ** 12, 2 ** 53 - 1, 0];

function usualStep(random: GeneratorValue, { run }: Place, sequence: number): Plain {
  const jump = random(fc.nat, { max: 19 }) === 0 ? pick(random, JUMPS) : undefined;
  return {
    ...{ step: jump ?? sequence, tokens: sequence * 64, time: 1_700_000_000_000 + sequence * 250 },
    split: random(fc.nat, { max: 9 }) === 0 ? pick(random, [2, 3, 4]) : 1,
    scalars: [{ name: "loss", value: 5 - 0.01 * sequence }],
    // A pipeline stage has some of the layers.
    histograms: layersOf(run)
      .filter(() => random(fc.nat, { max: 9 }) > 0)
      // The first step of a rollup has no tokens in any rank, in some of the layers.
      .map((layer) => usualHistogram(random, layer, sequence === 1 && layer.index > 0 ? 0 : run.categories.length)),
  };
}

function usualHistogram(random: GeneratorValue, layer: v1.MoeLayer, categories: number): Plain {
  const dropping = random(fc.boolean);
  // A padded rank has no tokens, and a rank need not have those of every category.
  const present = Array.from({ length: random(fc.nat, { max: 9 }) === 0 ? 0 : categories }, (_, category) => category);
  const some = random(fc.nat, { max: 4 }) === 0 ? present.slice(1) : present;
  return {
    layer: layer.index,
    categories: some.map((category) => usualCategory(random, layer, category, dropping)),
    ...(random(fc.boolean) && { selectionBias: Array.from({ length: layer.experts }, (_, expert) => expert / 8) }),
    ...(random(fc.boolean) && { gateMass: Array.from({ length: layer.experts }, (_, expert) => 10.7 * expert) }),
    ...(random(fc.boolean) && { meanProbability: Array.from({ length: layer.experts }, () => 1 / layer.experts) }),
  };
}

function usualCategory(random: GeneratorValue, layer: v1.MoeLayer, category: number, dropping: boolean): Plain {
  const { experts, topK, expertsChoose } = layer;
  const tokens = random(fc.nat, { max: 50 });
  const counts = Array.from({ length: experts }, () => 0);
  for (let choice = 0; choice < tokens * (topK || 1); choice++) counts[random(fc.nat, { max: experts - 1 })]!++;
  const dropped = dropping && counts.some((count) => count > 0);
  return {
    ...{ category, counts, tokens },
    ...((topK === 0 || expertsChoose) && { assignments: tokens * (topK || 1) }),
    ...(dropped && { droppedCounts: counts.map((count) => Math.floor(count / 2)) }),
  };
}

async function expectStored(collector: Collector, log: readonly Sent[]): Promise<void> {
  expect((await get(collector, "/readyz")).status).toBe(200);
  await expectRunList(collector);
  for (const { id } of RUNS) {
    const sent = log.filter(({ step, end }) => (step ?? end)!.run === id);
    const stored = await storedMessages(collector, id);
    expect(inOrder(stored)).toEqual(inOrder(sent.map(plain)));
    for (const attempt of new Set(sent.map((message) => attemptOf(message)))) {
      const steps = sent.flatMap(({ step }) => (step && attemptOf({ step }) === attempt ? [step] : []));
      for (const split of [1, 2, 3, 4]) await expectSums(collector, id, attempt, split, steps);
    }
  }
}

/** Fields that may have more than a line. */
const LONG_TEXTS: Record<string, Limit> = {
  configJson: LIMITS.configJson,
  reason: LIMITS.reason,
  notes: LIMITS.annotationNotes,
};

/** Whatever was sent, no text or list in it is longer than its limit, and its times are times. */
async function expectRunList(collector: Collector): Promise<void> {
  const answer = await get(collector, "/api/v1/runs");
  expect(answer.status).toBe(200);
  const { runs } = JSON.parse(await answer.text(), (key, value) => {
    if (typeof value === "string") expect(value.length, key).toBeLessThanOrEqual((LONG_TEXTS[key] ?? LIMITS.text).most);
    if (Array.isArray(value)) expect(value.length, key).toBeLessThanOrEqual(LIMITS.layers.most);
    return value;
  }) as { runs: { run: { startedAt?: number } }[] };
  expect(runs.length).toBeGreaterThanOrEqual(RUNS.length);
  // NaN is null in JSON.
  for (const { run } of runs) {
    const { startedAt = 0 } = run;
    expect(startedAt).toBeTypeOf("number");
    expect(Math.abs(startedAt)).toBeLessThanOrEqual(8.64e15);
  }
}

function attemptOf({ step, end }: Sent): number {
  return (step ?? end)!.attempt;
}

const SPLITS = ["", "train", "eval", "probe", "rollout"];

/** Holds what history adds up against what was sent, in buckets of any width. */
async function expectSums(collector: Collector, id: string, attempt: number, split: number, all: v1.Step[]) {
  const steps = all.filter((step) => step.split === split);
  for (const points of [1, 2_000]) {
    const query = `split=${SPLITS[split]}&attempt=${attempt}&layers=all&points=${points}`;
    const { buckets, bucketWidth } = await getHistory(collector, id, query);
    const found = new Map(buckets.map((bucket) => [Math.floor(bucket.firstStep! / bucketWidth), bucket]));
    const wanted = grouped(steps, ({ step }) => Math.floor(step / bucketWidth));
    expect(new Set(found.keys())).toEqual(new Set(wanted.keys()));
    for (const [number, messages] of wanted) expect(told(found.get(number)!)).toEqual(expected(messages));
  }
}

/** What a bucket says, by the names it says it of. */
function told({ steps, layers, scalars }: v1.StepBucket.$Properties): unknown {
  return {
    steps,
    scalars: new Map(scalars!.map((summary) => [summary.name, extremesOf(summary)])),
    layers: new Map(
      layers!.map(({ layer, categories, maxViolation, countsMin, countsMax, deadExperts }) => [
        layer,
        {
          loads: new Map(categories!.map(({ category, counts, tokens }) => [category, [tokens, ...counts!]])),
          ...{ deadExperts, maxViolation: extremesOf(maxViolation!), least: [...countsMin!], most: [...countsMax!] },
        },
      ]),
    ),
  };
}

function extremesOf({ values, nanValues, min, max }: v1.ScalarSummary.$Properties): unknown {
  return { values, nanValues, ...(values! > 0 && { min, max }) };
}

/** The same, worked out of the messages in the plainest way. */
function expected(messages: readonly v1.Step[]): unknown {
  const steps = [...grouped(messages, ({ step }) => step).values()];
  const histograms = (step: readonly v1.Step[]) =>
    step.flatMap((message) => message.histograms as v1.RoutingHistogram[]);
  const layers = new Set(messages.flatMap((message) => message.histograms.map(({ layer }) => layer)));
  const scalars = grouped(
    messages.flatMap((message) => message.scalars),
    ({ name }) => name,
  );
  return {
    steps: steps.length,
    scalars: new Map([...scalars].map(([name, all]) => [name, summaryOf(all.map(({ value }) => value!))])),
    layers: new Map(
      [...layers].map((layer) => [
        layer,
        layerOf(steps.map((step) => histograms(step).filter((h) => h.layer === layer))),
      ]),
    ),
  };
}

/** @param steps histograms of one layer, of all ranks, step by step; none in a step that has none */
function layerOf(steps: readonly v1.RoutingHistogram[][]): unknown {
  const present = steps.filter((histograms) => histograms.length > 0);
  const routings = present.map((histograms) =>
    histograms.flatMap(({ categories }) => categories as v1.CategoryRouting[]),
  );
  const loads = routings.map((categories) => added(categories.map(({ counts }) => counts)));
  const loaded = loads.filter((load) => load.length > 0);
  return {
    loads: new Map(
      [...grouped(routings.flat(), ({ category }) => category)].map(([category, all]) => [
        category,
        added(all.map(({ tokens, counts }) => [tokens, ...counts])),
      ]),
    ),
    maxViolation: summaryOf(
      loads.map((load) => Math.max(...load) / (load.reduce((a, b) => a + b, 0) / load.length) - 1),
    ),
    // Less than a hundredth of the fair share, of those where there is a share to have.
    deadExperts: loaded.flatMap((load) => {
      const total = load.reduce((a, b) => a + b, 0);
      return load.filter((count) => total > 0 && count < (0.01 * total) / load.length);
    }).length,
    least: (loaded[0] ?? []).map((_, expert) => Math.min(...loaded.map((load) => load[expert]!))),
    most: (loaded[0] ?? []).map((_, expert) => Math.max(...loaded.map((load) => load[expert]!))),
  };
}

function summaryOf(values: readonly number[]): unknown {
  const known = values.filter((value) => !Number.isNaN(value));
  const extremes = { min: about(Math.min(...known)), max: about(Math.max(...known)) };
  return { values: known.length, nanValues: values.length - known.length, ...(known.length > 0 && extremes) };
}

/** To nine digits: fractions depend on the order that they are worked out in. */
function about(value: number): unknown {
  return Number.isFinite(value) ? expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.abs(value) + 1))) : value;
}

function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    group.push(item);
    groups.set(keyOf(item), group);
  }
  return groups;
}

function added(arrays: readonly (readonly number[])[]): number[] {
  const sum: number[] = [];
  for (const array of arrays) for (const [at, value] of array.entries()) sum[at] = (sum[at] ?? 0) + value;
  return sum;
}

async function storedMessages(collector: Collector, run: string): Promise<Plain[]> {
  const answer = await get(collector, `/api/v1/runs/${run}/messages`);
  expect(answer.status).toBe(200);
  const messages: Plain[] = [];
  for await (const bytes of delimited(answer.body!)) {
    const request = v1.ReportRequest.decode(bytes);
    if (request.hello === null || request.hello === undefined) messages.push(plain(request));
  }
  return messages;
}

/** A message as it is compared: every field that is not set has its default. */
function plain({ step, end }: Sent): Plain {
  const options = { defaults: true, arrays: true };
  if (end) return { end: v1.RunEnd.toObject(end as v1.RunEnd, options) };
  const stored = v1.Step.decode(v1.Step.encode(step as v1.Step).finish());
  asStored(stored);
  return { step: comparable(v1.Step.toObject(stored, options)) };
}

interface PlainCategory {
  category: number;
  counts: number[];
  droppedCounts: number[];
  dropped: number;
  assignments: number;
}

interface PlainStep {
  histograms: { layer: number; categories: PlainCategory[]; selectionBias?: unknown }[];
  attention: { layer: number; head: number }[];
  heads: { layer: number; head: number }[];
  saturation: { layer: number }[];
}

/** The store keeps no order among layers, categories and heads, and one bias for all ranks of a step. */
function comparable(step: object): Plain {
  const { histograms, attention, heads, saturation, ...rest } = step as PlainStep;
  const byLayer = (a: { layer: number }, b: { layer: number }) => a.layer - b.layer;
  const byHead = (a: { layer: number; head: number }, b: { layer: number; head: number }) =>
    byLayer(a, b) || a.head - b.head;
  return {
    ...rest,
    attention: attention.sort(byHead),
    heads: heads.sort(byHead),
    saturation: saturation.sort(byLayer),
    histograms: histograms.sort(byLayer).map(({ selectionBias: _, ...histogram }) => ({
      ...histogram,
      categories: histogram.categories.sort((a, b) => a.category - b.category).map(comparableCategory),
    })),
  };
}

/** How many were dropped and assigned may be said twice: by expert and in all. */
function comparableCategory({ counts, droppedCounts, dropped, assignments: _, ...category }: PlainCategory): Plain {
  const byExpert = droppedCounts.some((count) => count > 0);
  const all = byExpert ? droppedCounts.reduce((sum, count) => sum + count, 0) : dropped;
  return { ...category, counts, droppedCounts: byExpert ? droppedCounts : [], dropped: all };
}

function inOrder(messages: readonly Plain[]): Plain[] {
  const key = ({ step, end }: Plain) => {
    const { attempt, rank, sequence } = (step ?? end) as Pick<v1.Step, "attempt" | "rank" | "sequence">;
    return (attempt * 2 + rank) * 1_000_000 + sequence;
  };
  return [...messages].sort((a, b) => key(a) - key(b));
}
