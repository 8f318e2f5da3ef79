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
