import type { ServerResponse } from "node:http";
import { v1 } from "@moescope/proto";
import { afterEach, expect, test, vi } from "vitest";
import { createClient } from "../api/client.ts";
import {
  type AnsweringServer,
  answerProtobuf,
  beginStream,
  delimited,
  startAnswering,
} from "../testing/answering-server.ts";
import { syntheticBuckets, syntheticStep, syntheticSummary } from "../testing/synthetic-run.ts";
import { LiveStore } from "./live-store.ts";
import type { RunTimeline } from "./run-timeline.ts";

let server: AnsweringServer;
let store: LiveStore;
/** Steps that history answers with, and the open live streams. */
let stored: number;
let streams: ServerResponse[];
let whenStreaming: () => void;
/** Alerts that the run has fired so far. */
let fired: v1.Alert.$Properties[];

afterEach(async () => {
  store.close();
  await server.close();
});

async function start(options = {}): Promise<void> {
  stored = 3;
  streams = [];
  whenStreaming = () => {};
  fired = [];
  server = await startAnswering((request, response) => {
    const url = new URL(request.url!, "http://collector");
    if (url.pathname === "/api/v1/live") {
      beginStream(response);
      streams.push(response);
      whenStreaming();
    } else if (url.pathname.endsWith("/alerts")) {
      answerProtobuf(response, v1.AlertList.encode({ alerts: fired }).finish());
    } else {
      const layers = url.searchParams.get("layers")!.split(",").map(Number);
      const buckets = syntheticBuckets(stored).map((bucket) => ({
        ...bucket,
        attempt: Number(url.searchParams.get("attempt") ?? 1),
        layers: bucket.layers!.flatMap((layer) => {
          if (layers.includes(layer.layer ?? 0)) return layer;
          return url.searchParams.get("metrics") === "chosen" ? [] : { ...layer, categories: [] };
        }),
      }));
      answerProtobuf(response, v1.History.encode({ run: "r", bucketWidth: 1, buckets }).finish());
    }
  });
  store = new LiveStore(createClient(server.base), { refresh: 5, reload: 5, ...options });
}

/** Resolves with the run's timeline when it is as wanted. */
function until(wanted: (timeline: RunTimeline) => boolean): Promise<RunTimeline> {
  return new Promise((resolve) => {
    const look = () => {
      const timeline = store.snapshot().timelines.get("r");
      if (timeline === undefined || !wanted(timeline)) return;
      stop();
      resolve(timeline);
    };
    const stop = store.subscribe(look);
    look();
  });
}

const streaming = (count: number) =>
  new Promise<void>((resolve) => {
    whenStreaming = () => streams.length >= count && resolve();
    whenStreaming();
  });
/** Parameters of the live streams asked for so far. */
const asked = () =>
  server.requests.flatMap((path) => (path.startsWith("/api/v1/live?") ? decodeURIComponent(path.split("?")[1]!) : []));
const send = (event: v1.LiveEvent.$Properties) => streams.at(-1)!.write(delimited(event));
const steps = ({ buckets }: RunTimeline) => buckets.map((bucket) => bucket.firstStep ?? 0);
const reaches = (step: number) => (timeline: RunTimeline) => steps(timeline).includes(step);

test("history first, then live steps behind it, with the counts of the wanted layer alone", async () => {
  await start();
  store.show([{ run: "r", layer: 1 }], "train");
  const release = store.keepNewest();
  await streaming(1);
  await until(({ status }) => status === "ready");
  stored = 4;
  send({ step: syntheticStep(3) });
  const timeline = await until(reaches(3));
  expect(asked()).toEqual(["runs=r&layers=1&newest=all"]);
  expect(steps(timeline)).toEqual([0, 1, 2, 3]);
  for (const bucket of timeline.buckets) {
    expect(bucket.layers!.map(({ categories }) => categories!.length)).toEqual([0, 3]);
    expect(bucket.layers![0]!.maxViolation!.values).toBe(1);
  }
  expect(timeline.newest!.layers!.map(({ categories }) => categories!.length)).toEqual([3, 3]);
  expect(store.snapshot().connection.state).toBe("open");
  release();
  await streaming(2);
  expect(asked()[1]).toBe("runs=r&layers=1");
  expect(store.snapshot().timelines.get("r")!.buckets).toHaveLength(4);
});

test("no counts are asked for while none are shown; those that came stay", async () => {
  await start();
  store.show([{ run: "r", layer: undefined }], "train");
  await streaming(1);
  expect((await until(({ status }) => status === "ready")).layer).toBeUndefined();
  store.show([{ run: "r", layer: 0 }], "train");
  expect(store.snapshot()).toMatchObject({ held: false });
  expect(store.snapshot().timelines.get("r")!.status).toBe("loading");
  await until(({ layer }) => layer === 0);
  store.show([{ run: "r", layer: undefined }], "train");
  await streaming(2);
  expect(asked()).toEqual(["runs=r&layers=none", "runs=r&layers=0"]);
  expect(store.snapshot().timelines.get("r")).toMatchObject({ layer: 0, status: "ready" });
});

test("a gap in the live stream is filled from history", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  stored = 9;
  send({ step: syntheticStep(8) });
  expect(steps(await until(reaches(8)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("dropped events are counted and fetched", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  stored = 6;
  send({ dropped: { events: 3 } });
  expect(steps(await until(reaches(5)))).toHaveLength(6);
  expect(store.snapshot().dropped).toBe(3);
});

test("after a lost connection the steps in between are there", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  stored = 7;
  server.breakConnections();
  await streaming(2);
  expect(steps(await until(reaches(6)))).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("a summary that is ahead of the timeline fetches what is missing", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  stored = 5;
  send({ run: syntheticSummary(5, {}, v1.RunSummary.State.FINISHED) });
  await until(reaches(4));
  expect(store.snapshot().summaries.get("r")!.state).toBe(v1.RunSummary.State.FINISHED);
});

test("what a summary tells while history is under way is fetched, and asked for once if history does not have it", async () => {
  await start();
  stored = 5;
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  send({ run: syntheticSummary(9, {}, v1.RunSummary.State.FINISHED) });
  await until(({ status }) => status === "ready");
  const histories = () => server.requests.filter((path) => path.includes("/history")).length;
  await vi.waitFor(() => expect(histories()).toBe(2));
  // Another summary is as good as an hour: nothing is asked for again.
  send({ run: syntheticSummary(9, {}, v1.RunSummary.State.FINISHED) });
  send({ dropped: { events: 1 } });
  await vi.waitFor(() => expect(histories()).toBe(3));
  send({ alert: { id: "1", run: "r" } });
  await untilAlerts({ 1: false });
  expect(histories()).toBe(3);
});

test("an attempt that is chosen is shown alone; what the newest one does goes past it", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  store.show([{ run: "r", layer: 0, attempt: 0 }], "train");
  const chosen = await until(({ status, attempt }) => status === "ready" && attempt === 0);
  expect(chosen.buckets.map(({ attempt }) => attempt)).toEqual([0, 0, 0]);
  send({ step: { ...syntheticStep(3), attempt: 1 } });
  send({ step: { ...syntheticStep(3), attempt: 0 } });
  const later = await until(reaches(3));
  expect(later.buckets.map(({ attempt = 0 }) => attempt)).toEqual([0, 0, 0, 0]);
});

/** What histories were asked for: layers, and whose metrics. */
const fetched = () =>
  server.requests.flatMap((path) => {
    const { pathname, searchParams } = new URL(path, "http://collector");
    return pathname.endsWith("/history") ? `${searchParams.get("layers")} ${searchParams.get("metrics") ?? "all"}` : [];
  });

test("another layer of a run that has ended is its counts alone", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await until(({ status }) => status === "ready");
  store.show([{ run: "r", layer: 1 }], "train");
  const { buckets } = await until(({ layer }) => layer === 1);
  expect(buckets).toHaveLength(3);
  for (const { layers } of buckets) {
    expect(layers!.map(({ categories }) => categories!.length)).toEqual([0, 3]);
    expect(layers![0]!.maxViolation!.values).toBe(1);
  }
  expect(fetched()).toEqual(["0 all", "1 chosen"]);
});

test("where steps have come in the meantime, another layer is everything anew", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await until(({ status }) => status === "ready");
  stored = 4;
  store.show([{ run: "r", layer: 1 }], "train");
  const { buckets } = await until(({ layer }) => layer === 1);
  expect(buckets.map(({ layers }) => layers!.length)).toEqual([2, 2, 2, 2]);
  expect(fetched()).toEqual(["0 all", "1 chosen", "1 all"]);
});

test("another layer fetches its counts, and its stream takes over without a gap", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  const whenGone = new Promise((resolve) => streams[0]!.on("close", resolve));
  store.show([{ run: "r", layer: 1 }], "train");
  stored = 5;
  send({ step: syntheticStep(3) });
  send({ step: syntheticStep(4) });
  await streaming(2);
  await whenGone;
  send({ step: syntheticStep(5) });
  stored = 6;
  const timeline = await until((now) => now.layer === 1 && reaches(5)(now));
  expect(steps(timeline)).toEqual([0, 1, 2, 3, 4, 5]);
  for (const { layers } of timeline.buckets)
    expect(layers!.map(({ categories }) => categories!.length)).toEqual([0, 3]);
  expect(asked()).toEqual(["runs=r&layers=0", "runs=r&layers=1"]);
});

test("steps of another split and of runs that are not shown are left out", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  store.keepNewest();
  await streaming(1);
  await until(({ status }) => status === "ready");
  stored = 4;
  send({ step: { ...syntheticStep(40), split: v1.Split.EVAL } });
  send({ step: syntheticStep(50, { id: "other" }) });
  send({ step: syntheticStep(3) });
  const timeline = await until(({ newest }) => newest !== undefined);
  expect(timeline.newest!.firstStep).toBe(3);
  expect(steps(timeline)).toEqual([0, 1, 2, 3]);
});

test("the layer and split of before stay until those asked for are here, and are called what they are", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  const before = await until(({ status }) => status === "ready");
  store.show([{ run: "r", layer: 1 }], "train");
  expect(store.snapshot()).toMatchObject({ held: true });
  expect(store.snapshot().timelines.get("r")).toMatchObject({ layer: 0, status: "ready", buckets: before.buckets });
  await until(({ layer }) => layer === 1);
  expect(store.snapshot().held).toBe(false);
  store.show([{ run: "r", layer: 1 }], "eval");
  expect(store.snapshot().timelines.get("r")).toMatchObject({ split: "train", layer: 1, status: "ready" });
  expect(await until(({ split }) => split === "eval")).toMatchObject({ status: "ready" });
  expect(store.snapshot().held).toBe(false);
});

test("a run that is new is loading, and does not hold back the others", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await until(({ status }) => status === "ready");
  store.show(
    [
      { run: "r", layer: 0 },
      { run: "s", layer: 0 },
    ],
    "train",
  );
  const { timelines, held } = store.snapshot();
  expect([held, timelines.get("r")!.status, timelines.get("s")!.status]).toEqual([false, "ready", "loading"]);
});

/** Resolves when the store knows the run's alerts as wanted: whether each is over, by id. */
function untilAlerts(wanted: Record<string, boolean>): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      const known = (store.snapshot().alerts.get("r") ?? []).map(({ id, over = false }) => [id, over]);
      if (JSON.stringify(Object.fromEntries(known)) !== JSON.stringify(wanted)) return;
      stop();
      resolve();
    };
    const stop = store.subscribe(look);
    look();
  });
}

test("alerts: those fired before, those told live, and those fired while the connection was lost", async () => {
  await start();
  fired = [{ id: "1", run: "r", rule: v1.Alert.Rule.COLLAPSE, layer: 1 }];
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await untilAlerts({ 1: false });
  send({ alert: { id: "2", run: "r" } });
  send({ alert: { id: "9", run: "other" } });
  await untilAlerts({ 1: false, 2: false });
  send({ alert: { ...fired[0], over: true, overStep: 9 } });
  await untilAlerts({ 1: true, 2: false });
  fired = [
    { ...fired[0], over: true },
    { id: "2", run: "r", over: true },
    { id: "3", run: "r" },
  ];
  server.breakConnections();
  await streaming(2);
  await untilAlerts({ 1: true, 2: true, 3: false });
});

test("while the connection is lost the state says when the next try is, and what was here stays", async () => {
  await start();
  store.show([{ run: "r", layer: 0 }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  const waiting = new Promise<void>((resolve) => {
    const stop = store.subscribe(() => {
      if (store.snapshot().connection.state !== "waiting") return;
      stop();
      resolve();
    });
  });
  server.breakConnections();
  await waiting;
  expect(store.snapshot().connection).toMatchObject({ state: "waiting", retryAt: expect.any(Number) });
  expect(steps(store.snapshot().timelines.get("r")!)).toEqual([0, 1, 2]);
});

test("a store that rests has no stream, keeps what is here, and fetches what it missed when it wakes", async () => {
  await start();
  store.show([{ run: "r", layer: undefined }], "train");
  await streaming(1);
  await until(({ status }) => status === "ready");
  const gone = new Promise((resolve) => streams[0]!.on("close", resolve));
  store.rest();
  await gone;
  // Other runs may be chosen meanwhile.
  store.show([{ run: "r", layer: 0 }], "train");
  await until(({ layer, status }) => layer === 0 && status === "ready");
  expect(streams).toHaveLength(1);
  stored = 9;
  fired = [{ run: "r", rule: v1.Alert.Rule.COLLAPSE, layer: 1, firedStep: 5 }];
  store.wake();
  await streaming(2);
  await until(reaches(8));
  await vi.waitFor(() => expect(store.snapshot().alerts.get("r")).toHaveLength(1));
  send({ step: syntheticStep(9) });
  await until(reaches(9));
});
