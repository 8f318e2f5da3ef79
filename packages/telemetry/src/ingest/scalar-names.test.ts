// A run that makes new names of scalars with every step keeps its histograms, and what it had before; the names beyond the limit are left out.
import { LIMITS, v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { getHistory, testCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

const MOST = LIMITS.scalarNames.most;
const run = describedRun("names");

/** A step with the loss, and others of which each has a name of its own. */
function step(sequence: number, names: readonly string[]): v1.Step {
  const scalars = ["loss", ...names].map((name, index) => new v1.Scalar({ name, value: sequence + index }));
  return randomStep(run, { sequence, scalars });
}

const several = (count: number, of: string) => Array.from({ length: count }, (_, index) => `${of}/${index}`);

test("names beyond the limit are left out, before and after a restart, and counted", async () => {
  const first = await testCollector();
  const sender = await TestSender.connect(first.grpcAddress, run);
  sender.send({ step: step(1, several(MOST - 3, "many")) });
  // There is room for two more.
  sender.send({ step: step(2, ["a", "b", "c", "d", "many/7"]) });
  sender.send({ step: step(3, ["b", "d"]) });
  await sender.untilAcknowledged(3);
  expect(sender.rejections).toEqual([]);
  expect(first.counters.droppedScalars).toBe(3);
  sender.close();
  await first.stop();

  const second = await testCollector({ dataDirectory: first.dataDirectory });
  const again = await TestSender.connect(second.grpcAddress, run);
  again.send({ step: step(4, ["a", "e"]) });
  await again.untilAcknowledged(4);
  again.close();
  expect(second.counters.droppedScalars).toBe(1);

  const { buckets } = await getHistory(second, run.id, "layers=all");
  const stored = buckets.map(({ scalars, layers }) => ({
    names: scalars.map(({ name }) => name),
    layers: layers.length,
  }));
  expect(stored[0]!.names).toHaveLength(MOST - 2);
  expect(stored.slice(1)).toEqual([
    { names: ["a", "b", "loss", "many/7"], layers: 2 },
    { names: ["b", "loss"], layers: 2 },
    { names: ["a", "loss"], layers: 2 },
  ]);
});
