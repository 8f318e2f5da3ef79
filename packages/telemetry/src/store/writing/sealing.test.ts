import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { Sealing } from "./sealing.ts";

/** As it arrives: what is 0 is not among its own properties. */
function received(step: v1.Step.$Properties): v1.Step {
  return v1.Step.decode(v1.Step.encode({ run: "r", split: v1.Split.TRAIN, ...step }).finish());
}

test("a bucket is complete when every rank has sent it, in however many batches they arrive", () => {
  const sealing = new Sealing(() => 2, 32);
  for (const rank of [0, 1]) {
    for (const steps of [
      [0, 15],
      [16, 31],
    ]) {
      const messages = steps.map((step) => received({ rank, step }));
      const { seals, tasks } = sealing.plan(messages);
      const complete = rank === 1 && steps.includes(31);
      expect(seals).toEqual(complete ? [{ run: "r", split: v1.Split.TRAIN, attempt: 0, until: 32 }] : []);
      expect(tasks).toHaveLength(seals.length);
      for (const message of messages) sealing.seen(message);
      for (const seal of seals) sealing.seal(seal);
    }
  }
  expect(sealing.attempts(v1.Split.TRAIN)).toEqual([{ run: "r", attempt: 0, highest: 31, sealed: 32 }]);
});

test("when an attempt ends, what is left of it is rolled up, as far as every rank has come", () => {
  const sealing = new Sealing(() => 2, 512);
  const attempt = { run: "r", split: v1.Split.TRAIN, attempt: 0 };
  for (const step of [received({ rank: 0, step: 299 }), received({ rank: 1, step: 170 })]) sealing.seen(step);
  expect(sealing.plan([received({ rank: 0, step: 300 })])).toEqual({ tasks: [], seals: [] });
  expect(sealing.plan([], [{ run: "other", attempt: 0 }])).toEqual({ tasks: [], seals: [] });
  const { seals, tasks } = sealing.plan([received({ rank: 1, step: 171 })], [{ run: "r", attempt: 0 }]);
  expect(seals).toEqual([{ ...attempt, until: 160 }]);
  expect(tasks).toEqual([
    { ...attempt, width: 32, from: 0, before: 160 },
    { ...attempt, width: 128, from: 0, before: 128 },
  ]);
  sealing.seal(seals[0]!);
  // The other rank comes after all, and ends too.
  expect(sealing.plan([], [{ run: "r", attempt: 0 }]).seals).toEqual([]);
  for (const step of [received({ rank: 1, step: 300 }), received({ rank: 0, step: 300 })]) sealing.seen(step);
  const rest = sealing.plan([], [{ run: "r", attempt: 0 }]);
  expect(rest.seals).toEqual([{ ...attempt, until: 288 }]);
  expect(rest.tasks[0]).toEqual({ ...attempt, width: 32, from: 160, before: 288 });
});
