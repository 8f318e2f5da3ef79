// What an acknowledgement means for a power cut: whether what was stored has been synced to the disk before it is sent.
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { CollectorProcess } from "../../testing/collector-process.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";
import { canTrace, Trace } from "../../testing/traced.ts";
import type { Durability } from "./durability.ts";

const run = describedRun("traced");

/** Stores one step. @returns the collector's calls to sync files, and to write to the sender, in order */
async function callsOfOneStep(durability: Durability): Promise<string[]> {
  const directory = temporaryDirectory();
  const collector = await CollectorProcess.start(join(directory, "data"), undefined, { durability });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  const trace = await Trace.of(collector.pid, "fsync,fdatasync,write,writev", join(directory, "trace"));
  sender.send({ step: randomStep(run, { sequence: 2 }) });
  await sender.untilAcknowledged(2);
  const calls = await trace.end();
  sender.close();
  expect(await collector.stop()).toBe(0);
  const port = collector.grpcAddress.split(":")[1];
  return calls.flatMap((call) => {
    const [, table, part] = /sync\(\d+<.*\/store\/store\/\w+\/([\w-]+)\/?(.*)>/.exec(call) ?? [];
    if (table !== undefined) return [part === "" ? "names" : `part of ${table}`];
    return call.includes(`TCP:[127.0.0.1:${port}`) ? ["answer"] : [];
  });
}

test.skipIf(!canTrace())("fsync: every table that a step is in is synced before it is acknowledged", async () => {
  const calls = await callsOfOneStep("fsync");
  const before = calls.slice(0, calls.indexOf("names"));
  // Of routing, layers, gates, steps and streams; the engine names a table's folder by an id.
  expect(new Set(before.filter((call) => call.startsWith("part of "))).size).toBe(5);
  expect(calls.lastIndexOf("answer")).toBeGreaterThan(calls.indexOf("names"));
});

test.skipIf(!canTrace())("os: nothing is synced", async () => {
  expect(new Set(await callsOfOneStep("os"))).toEqual(new Set(["answer"]));
});
