// TensorBoard logs of writers that restart, that count samples and that are killed, against what was written, followed another way.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gathered } from "../../testing/gathered.ts";
import { encodeEvent, type SummaryValue } from "./event.ts";
import { readScalarEvents } from "./import-events.ts";
import { tfRecord } from "./tf-record.ts";

const STARTED = 1_700_000_000;

interface Entry {
  step: number;
  /** Absent: a session starts at the step. */
  value?: SummaryValue[];
}

/** A file whose events are a second apart. */
function eventFile(entries: readonly Entry[], from: number): Buffer {
  const events = entries.map(({ step, value }, index) => {
    const what = value === undefined ? { sessionLog: { status: 1 } } : { summary: { value } };
    return tfRecord(encodeEvent({ wallTime: STARTED + from + index, step, ...what }));
  });
  return Buffer.concat([
    tfRecord(encodeEvent({ wallTime: STARTED + from, step: 0, fileVersion: "brain.Event:2" })),
    ...events,
  ]);
}

const scalar = (tag: string, simpleValue: number): SummaryValue[] => [{ tag, simpleValue }];

async function withLog<Result>(files: readonly Buffer[], work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "moescope-log-"));
  try {
    for (const [index, bytes] of files.entries())
      writeFileSync(join(folder, `events.out.tfevents.${STARTED + index}.host.${index}`), bytes);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Shown = Record<number, Record<string, number>>;

/** By step what a collector shows: an attempt from its first step on, in place of earlier ones. */
async function shown(
  folder: string,
  names = new Map<string, string>(),
): Promise<{ steps: Shown; notes: readonly string[] }> {
  const incoming = await readScalarEvents(folder, names);
  let steps: Shown = {};
  let attempt = 0;
  const sent = await gathered(incoming.steps);
  for (const message of sent) {
    if (message.attempt !== attempt) {
      expect(message.attempt).toBe(attempt + 1);
      attempt++;
      const first = Math.min(...sent.filter((other) => other.attempt === attempt).map(({ step }) => step!));
      steps = Object.fromEntries(Object.entries(steps).filter(([step]) => Number(step) < first));
    }
    steps[message.step!] = Object.fromEntries(message.scalars!.map(({ name, value }) => [name, value]));
  }
  return { steps, notes: incoming.notes };
}

/** A run that is killed and goes on from a checkpoint: for each session the step it begins at, how many it makes, and what it says. */
const sessions = fc.record({
  first: fc.integer({ min: 2, max: 12 }),
  restarts: fc.array(
    fc.record({ back: fc.integer({ min: 2, max: 8 }), steps: fc.nat({ max: 6 }), every: fc.constantFrom(1, 3) }),
    { maxLength: 3 },
  ),
  oneFile: fc.boolean(),
});

describe("a run that restarts", () => {
  it("is shown as TensorBoard's reader shows it, where its writer says START", async () => {
    await fc.assert(
      fc.asyncProperty(sessions, async ({ first, restarts, oneFile }) => {
        const value = (session: number, step: number) => session + step / 64;
        const parts: Entry[][] = [[{ step: 0 }]];
        let expected: Shown = {};
        const log = (step: number) => {
          parts.at(-1)!.push({ step, value: scalar("loss", value(parts.length, step)) });
          expected[step] = { loss: value(parts.length, step) };
        };
        let next = 0;
        for (; next < first; next++) log(next);
        for (const { back, steps, every } of restarts) {
          const start = Math.max(1, next - back);
          // As event_accumulator purges: what was read before, of this step and later ones.
          expected = Object.fromEntries(Object.entries(expected).filter(([step]) => Number(step) < start));
          parts.push([{ step: start }]);
          for (next = start; next < start + steps; next++) if (next % every === 0) log(next);
        }
        const files = oneFile ? [parts.flat()] : parts;
        await withLog(
          files.map((entries, index) => eventFile(entries, 1000 * index)),
          async (folder) => {
            expect((await shown(folder)).steps).toEqual(expected);
          },
        );
      }),
      { numRuns: 200 },
    );
  });

  it("is shown by its newest attempt where its writer says nothing, and says so", async () => {
    await fc.assert(
      fc.asyncProperty(sessions, async ({ first, restarts }) => {
        const parts: Entry[][] = [[]];
        let expected: Shown = {};
        const log = (step: number) => {
          parts.at(-1)!.push({ step, value: scalar("loss", parts.length) });
          expected[step] = { loss: parts.length };
        };
        for (let step = 0; step < first; step++) log(step);
        for (const { back, steps } of restarts) {
          const start = Math.max(0, Math.max(...Object.keys(expected).map(Number)) - back);
          expected = Object.fromEntries(Object.entries(expected).filter(([step]) => Number(step) < start));
          parts.push([]);
          for (let step = start; step < start + steps + 1; step++) log(step);
        }
        await withLog(
          parts.map((entries, index) => eventFile(entries, 1000 * index)),
          async (folder) => {
            const { steps, notes } = await shown(folder);
            expect(steps).toEqual(expected);
            expect(notes.some((note) => note.startsWith("Restarts: "))).toBe(restarts.length > 0);
          },
        );
      }),
      { numRuns: 200 },
    );
  });

  it("of very many steps is read like any other", async () => {
    const steps = 150_000;
    const first = Array.from({ length: steps }, (_, step) => ({ step, value: scalar("loss", 1) }));
    const second = Array.from({ length: steps }, (_, step) => ({ step: step + 9, value: scalar("loss", 2) }));
    await withLog([eventFile(first, 0), eventFile([{ step: 5 }, ...second], steps)], async (folder) => {
      const { shape, notes } = await readScalarEvents(folder, new Map());
      expect(shape.plannedSteps).toBe(2 * steps - 4); // 5 to 8 were taken back
      expect(notes).toContain("Passed over: 4 steps that a restart took back and did not repeat");
    });
  });

  it("has one attempt where several writers share a folder", async () => {
    const train = [0, 1, 2, 3].map((step) => ({ step, value: scalar("train/loss", step) }));
    const evaluation = [1, 3].map((step) => ({ step, value: scalar("eval/loss", step) }));
    const last = [{ step: 3, value: scalar("eval/loss", 9) }];
    await withLog(
      [train, evaluation, last].map((entries, index) => eventFile(entries, index)),
      async (folder) => {
        const { steps, notes } = await shown(folder);
        expect(steps[3]).toEqual({ "train/loss": 3, "eval/loss": 9 });
        expect(steps[1]).toEqual({ "train/loss": 1, "eval/loss": 1 });
        expect(notes).toEqual([]);
      },
    );
  });
});

describe("scalars over something else than steps", () => {
  const log = (others: (step: number) => Entry[]) =>
    eventFile(
      [1, 2, 3, 4].flatMap((step) => [{ step, value: scalar("lm loss", 5 - step) }, ...others(step)]),
      0,
    );
  const onlySteps = { 1: { "lm loss": 4 }, 2: { "lm loss": 3 }, 3: { "lm loss": 2 }, 4: { "lm loss": 1 } };

  it.each([
    "lm loss vs samples",
    "lm-loss-training/lm loss vs tokens",
    "steps-vs-samples/y=steps,x=samples",
    "Train/Samples/lr",
  ])("are left out and named, whatever the step: %s", async (tag) => {
    await withLog([log((step) => [{ step: 7 * step * step, value: scalar(tag, 1) }])], async (folder) => {
      const { steps, notes } = await shown(folder);
      expect(steps).toEqual(onlySteps);
      expect(notes.join()).toMatch(/Passed over: 1 scalars over (samples|tokens) instead of steps/);
      expect(notes.join()).toContain(JSON.stringify(tag));
    });
  });

  it("are left out where their name does not say it, but every step is the same multiple", async () => {
    await withLog([log((step) => [{ step: 512 * step, value: scalar("consumed", 1) }])], async (folder) => {
      const { steps, notes } = await shown(folder);
      expect(steps).toEqual(onlySteps);
      expect(notes.join()).toMatch(/1 scalars over samples or tokens instead of steps, as "consumed"/);
    });
  });

  it("are not those that are written less often, or at other times", async () => {
    const rare = log((step) => (step % 2 === 0 ? [{ step, value: scalar("eval", 1) }] : []));
    const later = eventFile(
      [1, 2, 3, 4].map((step) => ({ step: 10 * step, value: scalar("eval", 1) })),
      5000,
    );
    for (const files of [[rare], [log(() => []), later]]) {
      const { steps, notes } = await withLog(files, (folder) => shown(folder));
      expect(Object.values(steps).filter((scalars) => "eval" in scalars)).toHaveLength(files.length === 1 ? 2 : 4);
      expect(notes).toEqual([]);
    }
  });

  it("are shown where the log has no others, and it is said", async () => {
    const samples = eventFile(
      [64, 128].map((step) => ({ step, value: scalar("Train/Samples/train_loss", step) })),
      0,
    );
    const names = new Map([["Train/Samples/train_loss", "loss"]]);
    const { steps, notes } = await withLog([samples], (folder) => shown(folder, names));
    expect(steps).toEqual({ 64: { loss: 64 }, 128: { loss: 128 } });
    expect(notes.join()).toMatch(/What is shown as steps are samples/);
  });
});

it("reads what was written before a kill, and zeros after it, wherever that was", async () => {
  const entries = [0, 1, 2].map((step) => ({ step, value: scalar("loss", step) }));
  const bytes = eventFile(entries, 0);
  const ends = entries.map((_, index) => eventFile(entries.slice(0, index + 1), 0).length);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: ends[0]!, max: bytes.length - 1 }),
      fc.nat({ max: 70_000 }),
      async (at, zeros) => {
        const written = ends.filter((end) => end <= at).length;
        const whole = ends[written - 1]!;
        // A record may be cut off, or zeros stand where it was to be written.
        const killed = [bytes.subarray(0, at), Buffer.concat([bytes.subarray(0, whole), Buffer.alloc(zeros)])];
        for (const [index, file] of killed.entries()) {
          const { steps, notes } = await withLog([file], (folder) => shown(folder));
          expect(Object.keys(steps)).toHaveLength(written);
          const cut = index === 0 ? at > whole : zeros > 0;
          expect(notes.some((note) => note.startsWith("Passed over: an end that is cut off"))).toBe(cut);
        }
      },
    ),
    { numRuns: 60 },
  );
});

it("has the times of its events", async () => {
  const files = [
    eventFile(
      [0, 1].map((step) => ({ step, value: scalar("loss", 1) })),
      10,
    ),
  ];
  await withLog(files, async (folder) => {
    const { shape, steps } = await readScalarEvents(folder, new Map());
    expect(shape.startedAt).toBe(1000 * (STARTED + 10));
    expect((await gathered(steps)).map(({ time }) => time)).toEqual([10, 11].map((s) => 1000 * (STARTED + s)));
  });
});

describe("refuses before anything is stored", () => {
  const value = scalar("loss", 1);
  const cases: [string, Buffer, RegExp][] = [
    [
      "a step that cannot be",
      eventFile([{ step: 2 ** 60, value }], 0),
      /event 2: step is 1152921504606847000; at most 2\^53 - 1/,
    ],
    ["a time that is none", eventFile([{ step: 1, value }], Number.NaN), /event 2: wall_time is NaN, which is no date/],
    ["a tag without a name", eventFile([{ step: 1, value: scalar("", 1) }], 0), /event 2: a tag has 0 characters/],
    [
      "a tag that is too long",
      eventFile([{ step: 1, value: scalar("x".repeat(257), 1) }], 0),
      /a tag has 257 characters/,
    ],
    ["a log without steps", eventFile([{ step: -1, value }], 0), /holds no scalars of steps from 0/],
    [
      "too many names",
      eventFile([{ step: 1, value: Array.from({ length: 4097 }, (_, n) => ({ tag: `t${n}`, simpleValue: 1 })) }], 0),
      /scalars of 4097 names; a collector takes at most 4096/,
    ],
  ];
  it.each(cases)("%s", async (_, file, message) => {
    await expect(withLog([file], (folder) => readScalarEvents(folder, new Map()))).rejects.toThrow(message);
  });
});
