import { v1 } from "@moescope/proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Collector } from "../../index.ts";
import {
  get,
  getHistory,
  getProbe,
  startTestCollector,
  temporaryDirectory,
  testCollector,
} from "../../testing/collector.ts";
import { hasNoPast, writeOldStore } from "../../testing/old-store.ts";
import { describedRun, random, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";

const classes = ["#", "it's a *", "other"];

/** A probe of three layers, one of them dense, with two heads each; `saturation` with the steps given. */
function probeStep(run: v1.RunDescription, changes: Partial<v1.Step> & { sequence: number }, earlier: number[] = []) {
  const next = random(changes.sequence * 31 + (changes.rank ?? 0) * 7 + 5);
  const float = () => Math.fround(next());
  const attention = [0, 1, 3].flatMap((layer) =>
    [-1, 0, 1].map((head) => {
      const parts = classes.map(float);
      const sum = parts.reduce((a, b) => a + b);
      return v1.AttentionByToken.create({
        layer,
        head,
        tokenClass: classes,
        share: parts.map((p) => Math.fround(p / sum)),
      });
    }),
  );
  const heads = [0, 1, 3].flatMap((layer) =>
    [0, 1].map((head) => {
      const [previousToken, firstToken, induction, local, broad] = [float(), float(), float(), float(), float()];
      return v1.HeadProfile.create({ layer, head, previousToken, firstToken, induction, local, broad });
    }),
  );
  const saturation = run.moeLayers.map((layer) =>
    v1.RouterSaturation.create({ layer, earlierStep: earlier, share: earlier.map(float) }),
  );
  const scalars = [v1.Scalar.create({ name: "router/churn/1", value: Number.NaN })];
  const lists = { scalars, attention, heads, saturation: earlier.length > 0 ? saturation : [] };
  return randomStep(run, { split: v1.Split.PROBE, ...lists, ...changes });
}

/** What a probe holds of a step, without what protobuf keeps of unknown fields. */
function contentOf({ attention, heads, saturation, scalars }: v1.Step | v1.Probe) {
  const {
    attention: a,
    heads: h,
    saturation: s,
    scalars: c,
  } = v1.Probe.toObject(v1.Probe.decode(v1.Probe.encode({ attention, heads, saturation, scalars }).finish()), {
    arrays: true,
    defaults: true,
  }) as v1.Probe.$Properties;
  return { attention: a, heads: h, saturation: s, scalars: c };
}

async function send(collector: Collector, run: v1.RunDescription, steps: v1.Step[], rank = 0, attempt = 0) {
  const sender = await TestSender.connect(collector.grpcAddress, run, rank, attempt);
  for (const step of steps) sender.send({ step });
  await sender.untilAcknowledged(steps.at(-1)!.sequence);
  sender.close();
  await sender.status;
}

test("a probe is stored as it was sent, once, before and after a restart", async () => {
  const run = describedRun("probed");
  const steps = [
    randomStep(run, { sequence: 1, step: 99 }),
    probeStep(run, { sequence: 2, step: 99 }),
    randomStep(run, { sequence: 3, step: 199 }),
    probeStep(run, { sequence: 4, step: 199 }, [99]),
  ];
  const first = await testCollector();
  await send(first, run, steps);
  await send(first, run, steps); // again, as after a lost acknowledgement
  const check = async (collector: Collector) => {
    const newest = await getProbe(collector, run.id);
    expect(newest).toMatchObject({ run: run.id, steps: [99, 199], step: 199, attempt: 0 });
    expect(contentOf(newest)).toEqual(contentOf(steps[3]!));
    expect(contentOf(await getProbe(collector, run.id, "step=198"))).toEqual(contentOf(steps[1]!));
    const tooEarly = await getProbe(collector, run.id, "step=98");
    expect(tooEarly).toMatchObject({ steps: [99, 199], attention: [], heads: [], saturation: [] });
    const { buckets } = await getHistory(collector, run.id, "split=probe&layers=all");
    expect(buckets.map(({ firstStep, steps }) => [firstStep, steps])).toEqual([
      [99, 1],
      [199, 1],
    ]);
  };
  await check(first);
  await first.stop();
  await check(await testCollector({ dataDirectory: first.dataDirectory }));
});

test.skipIf(hasNoPast())(
  "a store of schema version 1 opens, with everything in it, and takes probes from then on",
  async () => {
    const dataDirectory = temporaryDirectory();
    const run = describedRun("old");
    const old = probeStep(run, { sequence: 1, step: 0 });
    await writeOldStore(dataDirectory, 1, run, [old]);

    const collector = await testCollector({ dataDirectory });
    expect(contentOf(await getProbe(collector, run.id))).toEqual(contentOf(old));
    const { buckets } = await getHistory(collector, run.id, "split=probe&layers=all");
    expect(buckets[0]!.layers[0]!.categories[0]!.counts).toEqual(old.histograms[0]!.categories[0]!.counts);
    const next = probeStep(run, { sequence: 2, step: 5 }, [0]);
    await send(collector, run, [next]);
    expect(contentOf(await getProbe(collector, run.id))).toEqual(contentOf(next));
  },
);

describe("over HTTP", () => {
  let collector: Collector;
  beforeAll(async () => {
    collector = await startTestCollector();
  });
  afterAll(() => collector.stop());

  test("ranks that measure the same are shown once: the lowest", async () => {
    const run = describedRun("ranks", { ranks: 2 });
    const messages = [1, 0].map((rank) => probeStep(run, { sequence: 1, rank }));
    for (const message of messages) await send(collector, run, [message], message.rank);
    expect(contentOf(await getProbe(collector, run.id))).toEqual(contentOf(messages[1]!));
  });

  test("a resumed run shows the newer attempt where it has got to, and the other when asked", async () => {
    const run = describedRun("resumed");
    const first = [10, 20].map((step, index) => probeStep(run, { sequence: index + 1, step }));
    const second = probeStep(run, { sequence: 1, step: 20, attempt: 1, tokens: 1 });
    await send(collector, run, first);
    await send(collector, run, [second], 0, 1);
    expect(await getProbe(collector, run.id)).toMatchObject({ steps: [10, 20], step: 20, attempt: 1 });
    expect(await getProbe(collector, run.id, "attempt=0")).toMatchObject({ steps: [10, 20], step: 20, attempt: 0 });
  });

  test("a run without probes has an empty one", async () => {
    const run = describedRun("unprobed");
    await send(collector, run, [randomStep(run, { sequence: 1 })]);
    const answer = await get(collector, `/api/v1/runs/${run.id}/probe`);
    expect(await answer.json()).toMatchObject({ run: run.id, steps: [], attention: [], heads: [] });
  });

  test.each([
    ["/runs/nobody/probe", 404, 'there is no run "nobody"; GET /api/v1/runs lists them'],
    ["/runs/unprobed/probe?step=-1", 400, 'parameter step is "-1": must be a whole number from 0 to 9007199254740991'],
    ["/runs/unprobed/probe?attempt=7", 400, "parameter attempt is 7: the run's attempts are 0"],
    ["/runs/unprobed/probe?head=7", 400, 'parameter "head" is unknown: expected one of step, attempt'],
  ])("%s", async (path, status, message) => {
    const answer = await get(collector, `/api/v1${path}`);
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status, body: { error: { message } } });
  });
});
