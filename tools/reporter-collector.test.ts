// A collector that is killed again and again under a sending reporter: every step is stored, once, as it was sent.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { CollectorReporter } from "@moescope/trainer";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";
import { expectStored, sentRun, sentStep } from "./sent-steps.ts";

const kills = 6;
const stepsBetweenKills = 150;
const run = sentRun("killed-collector");

let directory: string;
let collector: CollectorProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "moescope-kill-"));
});
afterEach(async () => {
  await collector?.kill();
  rmSync(directory, { recursive: true });
});

test("a collector killed in mid-run holds every step once, as it was sent", { timeout: 60_000 }, async () => {
  const data = join(directory, "data");
  collector = await startCollectorProcess(data);
  const { grpc } = collector;
  const port = Number(grpc.slice(grpc.lastIndexOf(":") + 1));
  const notices: string[] = [];
  const reporter = new CollectorReporter({
    address: grpc,
    run,
    spoolDirectory: join(directory, "spool"),
    flushMilliseconds: 20_000,
    notice: (line) => notices.push(line),
  });

  let sent = 0;
  let unacknowledgedAtKills = 0;
  for (let killed = 0; killed <= kills; killed++) {
    const before = sent;
    for (; sent < before + stepsBetweenKills; sent++) reporter.step(sentStep(sent));
    if (killed === kills) break;
    // Anywhere between the first acknowledgement of this stretch and the last; every other time as soon as steps are on their way.
    const enough = before + 1 + Math.floor(Math.random() * (stepsBetweenKills - 1));
    const reached = killed % 2 === 0 ? "sent" : "acknowledged";
    await vi.waitUntil(() => reporter.statistics()[reached] >= enough, { interval: 1, timeout: 20_000 });
    unacknowledgedAtKills += reporter.statistics().queued;
    await collector.kill();
    collector = await startCollectorProcess(data, port);
  }
  const statistics = await reporter.end(v1.RunEnd.Outcome.FINISHED);

  expect(statistics).toMatchObject({ acknowledged: sent + 1, queued: 0, rejected: 0, dropped: 0 });
  // Otherwise the kills did not hit anything.
  expect(unacknowledgedAtKills).toBeGreaterThan(0);
  expect(notices).toContainEqual(expect.stringContaining("is back"));
  await expectStored(collector.http, run.id, [{ attempt: 0, from: 0, before: sent }]);
  expect(readdirSync(join(directory, "spool"))).toEqual([]);
});
