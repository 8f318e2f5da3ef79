import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { random } from "../../testing/runs.ts";
import { Sealing } from "./sealing.ts";

/** As it arrives: what is 0 is not among its own properties. */
function received(step: v1.Step.$Properties): v1.Step {
  return v1.Step.decode(v1.Step.encode({ run: "r", split: v1.Split.TRAIN, ...step }).finish());
}

const ATTEMPT = { run: "r", split: v1.Split.TRAIN, attempt: 0 };
const WIDTHS = { exponent: 0, formerUntil: 0 };

/** Plans a batch and takes it for stored. */
function store(sealing: Sealing, steps: readonly v1.Step[], over = false) {
  const plan = sealing.plan(steps, over ? [{ run: "r", attempt: 0 }] : []);
  for (const seal of plan.seals) sealing.seal(seal);
  return plan;
}

function sent(steps: Iterable<number>, rank = 0): v1.Step[] {
  return Array.from(steps, (step) => received({ rank, step }));
}

function range(from: number, before: number, every = 1): number[] {
  return Array.from({ length: Math.ceil((before - from) / every) }, (_, index) => from + index * every);
}

test("a bucket is complete when every rank has sent it, in however many batches they arrive", () => {
  const sealing = new Sealing(() => 2, 32);
  for (const rank of [0, 1]) {
    for (const steps of [range(0, 16), range(16, 32)]) {
      const { seals, tasks } = store(sealing, sent(steps, rank));
      const complete = rank === 1 && steps.includes(31);
      expect(seals).toEqual(complete ? [{ ...ATTEMPT, from: 0, until: 32, narrowest: 32 }] : []);
      expect(tasks).toHaveLength(seals.length);
    }
  }
  expect(sealing.attempts(v1.Split.TRAIN)).toEqual([{ run: "r", attempt: 0, highest: 31, sealed: 32, exponent: 0 }]);
});

test("when an attempt ends, what is left of it is rolled up, as far as every rank has come", () => {
  const sealing = new Sealing(() => 2, 512);
  expect(store(sealing, [...sent(range(0, 301), 0), ...sent(range(0, 171), 1)])).toEqual({ tasks: [], seals: [] });
  expect(sealing.plan([], [{ run: "other", attempt: 0 }])).toEqual({ tasks: [], seals: [] });
  const { seals, tasks } = store(sealing, sent([171], 1), true);
  expect(seals).toEqual([{ ...ATTEMPT, from: 0, until: 160, narrowest: 32 }]);
  expect(tasks).toEqual([
    { ...ATTEMPT, ...WIDTHS, width: 32, spans: [{ from: 0, until: 160 }] },
    { ...ATTEMPT, ...WIDTHS, width: 128, spans: [{ from: 0, until: 128 }] },
  ]);
  // The other rank comes after all, and ends too.
  expect(store(sealing, [], true).seals).toEqual([]);
  store(sealing, sent(range(172, 301), 1));
  const rest = store(sealing, [], true);
  expect(rest.seals).toEqual([{ ...ATTEMPT, from: 0, until: 288, narrowest: 32 }]);
  expect(rest.tasks[0]).toEqual({ ...ATTEMPT, ...WIDTHS, width: 32, spans: [{ from: 160, until: 288 }] });
});

test("one step far from the others changes nothing for them", () => {
  for (const odd of [10 ** 9, 5 * 10 ** 9, 1.8 * 10 ** 12, Number.MAX_SAFE_INTEGER]) {
    const sealing = new Sealing(() => 1, 512);
    const usual = new Sealing(() => 1, 512);
    for (let at = 0; at < 4096; at += 64) {
      const steps = sent(range(at, at + 64));
      const plan = store(sealing, at % 1024 === 512 ? [...sent([odd - at]), ...steps] : steps);
      expect(plan).toEqual(store(usual, steps));
    }
    expect(sealing.sealed("r", v1.Split.TRAIN, 0)).toEqual(usual.sealed("r", v1.Split.TRAIN, 0));
    expect(store(sealing, [], true)).toEqual({ tasks: [], seals: [] });
  }
});

/** How many buckets a plan names, and in how many spans. */
function sizeOf({ tasks }: ReturnType<typeof store>) {
  const spans = tasks.flatMap(({ spans, width }) => spans.map(({ from, until }) => (until - from) / width));
  return { spans: spans.length, buckets: spans.reduce((sum, buckets) => sum + buckets, 0) };
}

test.each([
  ["every step", (step: number) => step],
  ["every tenth", (step: number) => step * 10],
  ["milliseconds", (step: number) => 1.8 * 10 ** 12 + step * 250],
  ["tokens", (step: number) => step * 4_194_304],
])("what is rolled up follows what is sent: %s", (_, index) => {
  const sealing = new Sealing(() => 1, 512);
  let [spans, buckets] = [0, 0];
  for (let step = 0; step < 8192; step += 64) {
    const size = sizeOf(store(sealing, sent(range(step, step + 64).map(index)), step === 8128));
    spans += size.spans;
    buckets += size.buckets;
  }
  expect(buckets).toBeGreaterThan(8192 / 32);
  expect(buckets).toBeLessThan(2 * (8192 / 32 + 8192 / 128 + 8192 / 1024 + 8));
  expect(spans).toBeLessThan(6 * (8192 / 512 + 1));
  const { sealed, highest } = sealing.attempts(v1.Split.TRAIN)[0]!;
  expect(sealed).toBeGreaterThan(index(7680));
  expect(sealed).toBeLessThanOrEqual(highest + 1);
});

test("steps in no order are left as they are until the attempt ends", () => {
  const sealing = new Sealing(() => 1, 512);
  const next = random(5);
  const order = range(0, 20_000)
    .map((step) => ({ step, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ step }) => step);
  let spans = 0;
  for (let at = 0; at < order.length; at += 100) {
    spans += sizeOf(store(sealing, sent(order.slice(at, at + 100)))).spans;
  }
  expect(spans).toBeLessThan(100);
  store(sealing, [], true);
  expect(sealing.sealed("r", v1.Split.TRAIN, 0).spans).toEqual([{ from: 0, until: 19_968 }]);
});

test("steps anywhere take as many blocks of memory as are kept, and are found again", () => {
  const sealing = new Sealing(() => 2, 512);
  const anywhere = range(0, 20_000).map((step) => ((step * 2_654_435_761) % 2 ** 32) * 2 ** 20);
  for (let at = 0; at < anywhere.length; at += 500) store(sealing, sent(anywhere.slice(at, at + 500)));
  for (const step of anywhere) expect(sealing.highestNear({ ...ATTEMPT, step })).toBeGreaterThanOrEqual(step);
  expect(sizeOf(store(sealing, [], true)).spans).toBe(0);
});
