// A message that something fails over costs nothing but itself, whatever fails.

import * as metrics from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { afterEach, expect, test, vi } from "vitest";
import { Alerts } from "./alerts/alerts.ts";
import { FanOut } from "./live/fan-out.ts";
import { PrometheusMetrics } from "./operations/prometheus.ts";
import { Database } from "./store/engine/database.ts";
import { StoreError } from "./store/engine/store-error.ts";
import { Runs } from "./store/runs/runs.ts";
import { Store } from "./store/store.ts";
import * as gates from "./store/writing/gates.ts";
import { RunningRollups } from "./store/writing/running-rollups.ts";
import { Sealing } from "./store/writing/sealing.ts";
import { CountSplitter } from "./store/writing/split-counts.ts";
import { get, getHistory, getSummary, testCollector } from "./testing/collector.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

vi.mock("@moescope/metrics", { spy: true });
vi.mock("./store/writing/gates.ts", { spy: true });

/** The step at fault, of 0..39, has this number of tokens so far. */
const AT = 17;
const TOKENS = 123_456_789;
/** And its first expert this load. */
const LOAD = 1_000_002;

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetAllMocks();
});

type Method = (...given: never[]) => unknown;
// biome-ignore lint/suspicious/noExplicitAny: each method is given something else
type Hit = (...given: any[]) => boolean;

/** Makes a method fail over the message. @param hasIt whether the message is among what it is given */
function failing<Type extends object>(type: Type, name: keyof Type & string, hasIt: Hit): void {
  const real = type[name] as Method;
  vi.spyOn(type, name as never).mockImplementation(function (this: Type, ...given: never[]) {
    if (hasIt(...given)) throw new TypeError("no such expert");
    return real.apply(this, given);
  } as never);
}

function failOverIt(step: v1.Step): void {
  if (isIt(step)) throw new TypeError("no such expert");
}

async function failingSum(): Promise<void> {
  const { addRank } = await vi.importActual<typeof metrics>("@moescope/metrics");
  vi.mocked(metrics.addRank).mockImplementation((message, ...others) => {
    if (isIt(message)) throw new TypeError("no such expert");
    return addRank(message, ...others);
  });
}

const isIt = ({ tokens }: v1.Step.$Properties | v1.StepBucket) => tokens === TOKENS;
const sumIsIt = ({ bucket }: { bucket: v1.StepBucket }) => isIt(bucket);

/** The store objects to the rows of a batch with the message, whenever it is written. */
function refusingRows(): void {
  const refused = new Set<number>();
  const { layOut } = Store.prototype;
  const { insertAll } = Database.prototype;
  vi.spyOn(Store.prototype, "layOut").mockImplementation(function (this: Store, content, before) {
    const rows = layOut.call(this, content, before);
    if (content.steps.some(({ message }) => isIt(message))) refused.add(rows.number);
    return rows;
  });
  vi.spyOn(Database.prototype, "insertAll").mockImplementation(async function (this: Database, inserts, ...others) {
    const isRefused = inserts.some(({ token }) => refused.has(Number(token.split("/").at(-2))));
    if (!isRefused) return insertAll.call(this, inserts, ...others);
    // Some of its rows are there by then.
    await insertAll.call(this, inserts.slice(0, 2));
    throw new StoreError("TOO_LARGE_ARRAY_SIZE", { ofTheRows: true });
  });
}

/** Two runs report 40 steps each, one of which has the message; they share batches. */
async function report() {
  const collector = await testCollector({ flushInterval: 100, rollUpEvery: 32 });
  const runs = ["poisoned", "neighbour"].map((id) => describedRun(id));
  const senders = await Promise.all(runs.map((run) => TestSender.connect(collector.grpcAddress, run)));
  for (let step = 0; step < 40; step++) {
    for (const [index, sender] of senders.entries()) {
      const message = randomStep(runs[index]!, { sequence: step + 1, step });
      sender.send({ step: index === 0 && step === AT ? atFault(message) : message });
    }
  }
  await Promise.all(senders.map((sender) => sender.untilAcknowledged(40)));
  expect(senders[1]!.rejections).toEqual([]);
  expect((await get(collector, "/readyz")).status).toBe(200);
  const histories = await Promise.all(runs.map(({ id }) => getHistory(collector, id, "points=2000&layers=all")));
  const [steps, neighbours] = histories.map(({ buckets }) => buckets.map(({ firstStep }) => firstStep!));
  expect(neighbours).toHaveLength(40);
  const [rolled] = (await getHistory(collector, "poisoned", "to=31&points=1")).buckets;
  for (const sender of senders) sender.close();
  return { collector, rejections: senders[0]!.rejections, steps, rolled: rolled!.steps };
}

function atFault(message: v1.Step): v1.Step {
  message.tokens = TOKENS;
  const category = message.histograms[0]!.categories![0]!;
  Object.assign(category, { counts: [LOAD, 0, 0, 0], tokens: LOAD / 2, dropped: 0 });
  return message;
}

const ALL = Array.from({ length: 40 }, (_, step) => step);

test.each<[string, () => void | Promise<void>]>([
  ["its check", () => vi.mocked(gates.asStored).mockImplementation(failOverIt)],
  ["the sum over ranks", failingSum],
  ["its rows", () => failing(CountSplitter.prototype, "split", (_sender, _histogram, counts) => counts[0] === LOAD)],
  ["what its batch makes complete", () => failing(Sealing.prototype, "plan", (steps: v1.Step[]) => steps.some(isIt))],
  ["the store, which objects to its rows", refusingRows],
])("a fault over one message costs that message: %s", async (_, fail) => {
  await fail();
  const { collector, rejections, steps, rolled } = await report();
  expect(steps).toEqual(ALL.filter((step) => step !== AT));
  expect(rolled).toBe(31);
  const { MALFORMED } = v1.Rejection.Reason;
  expect(rejections).toMatchObject([{ run: "poisoned", sequence: AT + 1, reason: MALFORMED }]);
  expect(rejections[0]!.message).toMatch(/fault of its own.*(no such expert|TOO_LARGE)/);
  expect(collector.counters.rejected).toEqual({ MALFORMED: 1 });
  expect((await getSummary(collector, "poisoned")).rejected).toBe(1);
});

test.each<[string, () => void]>([
  ["running rollups", () => failing(RunningRollups.prototype, "add", isIt)],
  ["the run's summary", () => failing(Runs.prototype, "stepStored", sumIsIt)],
  ["the live stream", () => failing(FanOut.prototype, "sendStep", sumIsIt)],
  ["alerts", () => failing(Alerts.prototype, "stepStored", sumIsIt)],
  ["metrics", () => failing(PrometheusMetrics.prototype, "batchStored", ({ steps }) => steps.some(isIt))],
])("what is stored is acknowledged, whatever fails over it afterwards: %s", async (_, fail) => {
  fail();
  const { rejections, steps, rolled } = await report();
  expect(rejections).toEqual([]);
  expect(steps).toEqual(ALL);
  expect(rolled).toBe(32);
});
