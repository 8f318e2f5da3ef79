import { v1 } from "@moescope/proto";
import { expect, test, vi } from "vitest";
import { getHistory, testCollector } from "../testing/collector.ts";
import { asStored, comparable } from "../testing/comparable.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";
import { TestViewer } from "../testing/viewer.ts";

const { State } = v1.RunSummary;

test("a viewer gets the runs there are, then each step as history tells it", async () => {
  const collector = await testCollector();
  const run = describedRun("watched");
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const all = await TestViewer.open(collector, "layers=all");
  const one = await TestViewer.open(collector, "runs=watched&layers=3");
  const none = await TestViewer.open(collector);
  const newest = await TestViewer.open(collector, "layers=3&newest=all");
  expect(all.contentType).toBe("application/x-protobuf");
  for (const viewer of [all, one, none, newest]) {
    expect((await viewer.next())!.run).toMatchObject({ run: { id: run.id }, state: State.LIVE });
  }
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  const shown = await Promise.all([all, one, none, newest].map((viewer) => viewer.find((event) => event.step)));
  for (const [index, layers] of ["all", "3", "none", "all"].entries()) {
    const { buckets } = await getHistory(collector, run.id, `layers=${layers}`);
    expect(comparable([asStored(shown[index]!)])).toEqual(comparable([asStored(buckets[0]!)]));
    const withGates = run.moeLayers.filter((layer) => layers === "all" || layers === String(layer));
    for (const { layer, gateMass, meanProbability, probabilityTokens } of shown[index]!.layers) {
      const experts = withGates.includes(layer) ? run.experts : 0;
      expect([gateMass.length, meanProbability.length, probabilityTokens > 0]).toEqual([experts, experts, experts > 0]);
    }
  }
  sender.close();
});

test("of a run with two ranks a viewer is sent each step once, with the parts of both", async () => {
  const collector = await testCollector();
  const run = describedRun("parallel", { ranks: 2 });
  const senders = [0, 1].map((rank) => TestSender.connect(collector.grpcAddress, run, rank));
  const [first, second] = (await Promise.all(senders)) as [TestSender, TestSender];
  const viewer = await TestViewer.open(collector, "layers=all");
  const shown: v1.StepBucket[] = [];
  for (const [rank, sender] of [first, second].entries()) {
    for (let step = 0; step < 5; step++) sender.send({ step: randomStep(run, { sequence: step + 1, step, rank }) });
    // In batches of its own.
    await sender.untilAcknowledged(5);
  }
  while (shown.length < 5) shown.push(await viewer.find((event) => event.step));
  const { buckets } = await getHistory(collector, run.id, "layers=all&points=5");
  expect(comparable(shown.map(asStored))).toEqual(comparable(buckets.map(asStored)));
  expect(shown.map(({ ranks }) => ranks)).toEqual([2, 2, 2, 2, 2]);
  for (const sender of [first, second]) sender.close();
});

test("a viewer sees only the runs it asked for, those that appear later too, and how they end", async () => {
  const collector = await testCollector();
  const viewer = await TestViewer.open(collector, "runs=later");
  const other = await TestSender.connect(collector.grpcAddress, describedRun("other"));
  const run = describedRun("later");
  const sender = await TestSender.connect(collector.grpcAddress, run);
  expect((await viewer.next())!.run).toMatchObject({ run: { id: "later" }, state: State.LIVE });
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  expect((await viewer.next())!.step).toMatchObject({ run: "later", firstStep: 0 });
  sender.send({
    end: { run: "later", sequence: 2, outcome: v1.RunEnd.Outcome.FAILED, reason: "loss is NaN", endedAt: 1 },
  });
  const failed = await viewer.find((event) => (event.run?.state === State.FAILED ? event.run : undefined));
  expect(failed).toMatchObject({ reason: "loss is NaN", lastStep: 0, steps: 1 });
  sender.close();
  other.close();
});

test("a run whose sender is gone falls silent", async () => {
  const collector = await testCollector({ silentAfter: 100 });
  const sender = await TestSender.connect(collector.grpcAddress, describedRun("silent"));
  const viewer = await TestViewer.open(collector);
  sender.cut();
  const silent = await viewer.find((event) => (event.run?.state === State.SILENT ? event.run : undefined));
  expect(silent.run.id).toBe("silent");
});

test("when nothing happens there are heartbeats", async () => {
  const collector = await testCollector({ heartbeatInterval: 50 });
  const viewer = await TestViewer.open(collector);
  const beat = await viewer.find((event) => event.heartbeat);
  expect(Math.abs(beat.time - Date.now())).toBeLessThan(5_000);
});

test("a viewer that does not read loses events, is told how many, and gets the present state", async () => {
  const collector = await testCollector({ maxViewerBytes: 100_000 });
  const run = describedRun("fast", { experts: 2_000, moeLayers: [0, 1, 2, 3] });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const slow = await TestViewer.open(collector, "layers=all");
  await slow.next();
  let sequence = 0;
  // What the kernel buffers for the connection comes first, so send until the queue behind it has overflowed.
  while (collector.counters.droppedEvents === 0) {
    for (let more = 0; more < 5; more++) sender.send({ step: randomStep(run, { sequence: ++sequence }) });
    await sender.untilAcknowledged(sequence);
  }
  const dropped = await slow.find((event) => event.dropped);
  expect(dropped.events).toBeGreaterThan(0);
  expect((await slow.next())!.run!.run.id).toBe(run.id);
  sender.send({ step: randomStep(run, { sequence: ++sequence }) });
  const newest = await slow.find((event) => (event.step?.firstStep === sequence - 1 ? event.step : undefined));
  expect(newest.layers[0]!.categories[0]!.counts).toHaveLength(2_000);
  sender.close();
});

test("a viewer that leaves is forgotten", async () => {
  const collector = await testCollector({ heartbeatInterval: 20 });
  const before = collector.viewers;
  const viewer = await TestViewer.open(collector);
  expect(collector.viewers).toBe(before + 1);
  viewer.close();
  await vi.waitFor(() => expect(collector.viewers).toBe(before));
});
