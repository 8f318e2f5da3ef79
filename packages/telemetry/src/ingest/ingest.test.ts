import { status } from "@grpc/grpc-js";
import { PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Collector } from "../index.ts";
import { getHistory, getSummary, startTestCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

const { Reason } = v1.Rejection;

let collector: Collector;
beforeAll(async () => {
  collector = await startTestCollector();
});
afterAll(() => collector.stop());

const connect = (run: v1.RunDescription, rank = 0, attempt = 0) =>
  TestSender.connect(collector.grpcAddress, run, rank, attempt);

describe("a message that is wrong is refused with the value and what is expected, and the stream lives on", () => {
  const run = describedRun("validated", { ranks: 2 });
  type Change = (step: v1.Step) => void;
  const cases: [string, v1.Rejection.Reason, RegExp, Change][] = [
    [
      "another run",
      Reason.UNKNOWN_RUN,
      /run "other": the Hello named run "validated-0"/,
      (s) => Object.assign(s, { run: "other" }),
    ],
    [
      "another rank",
      Reason.MALFORMED,
      /rank 1, attempt 0 on the stream of rank 0, attempt 0/,
      (s) => Object.assign(s, { rank: 1 }),
    ],
    [
      "no split",
      Reason.MALFORMED,
      /split 0, expected TRAIN, EVAL, PROBE or ROLLOUT/,
      (s) => Object.assign(s, { split: 0 }),
    ],
    ["no time", Reason.MALFORMED, /time is NaN/, (s) => Object.assign(s, { time: Number.NaN })],
    [
      "unknown layer",
      Reason.UNKNOWN_LAYER,
      /layer 2: the MoE layers are 1, 3/,
      (s) => Object.assign(s.histograms[0]!, { layer: 2 }),
    ],
    [
      "layer twice",
      Reason.MALFORMED,
      /layer 1 has two histograms/,
      (s) => Object.assign(s.histograms[1]!, { layer: 1 }),
    ],
    [
      "unknown category",
      Reason.UNKNOWN_CATEGORY,
      /category 9, expected one of 0 \(code\), 1 \(docs\)/,
      (s) => Object.assign(s.histograms[0]!.categories[1]!, { category: 9 }),
    ],
    [
      "category twice",
      Reason.MALFORMED,
      /category 0 appears twice/,
      (s) => Object.assign(s.histograms[0]!.categories[1]!, { category: 0 }),
    ],
    [
      "too few experts",
      Reason.WRONG_EXPERTS,
      /counts has 3 values, the layer has 4 experts/,
      (s) => s.histograms[0]!.categories[0]!.counts.pop(),
    ],
    [
      "too much gate mass",
      Reason.WRONG_EXPERTS,
      /gate_mass has 5 values/,
      (s) => s.histograms[0]!.categories[0]!.gateMass.push(1),
    ],
    [
      "too few probabilities",
      Reason.WRONG_EXPERTS,
      /mean_probability has 3 values/,
      (s) => s.histograms[0]!.categories[0]!.meanProbability.pop(),
    ],
    [
      "too few biases",
      Reason.WRONG_EXPERTS,
      /selection_bias has 3 values/,
      (s) => s.histograms[0]!.selectionBias.pop(),
    ],
    [
      "a count too many",
      Reason.COUNTS_DO_NOT_ADD_UP,
      /assigned \+ \d+ dropped, but top_k × tokens is 2 × \d+ = \d+/,
      (s) => s.histograms[0]!.categories[0]!.counts[0]!++,
    ],
    [
      "shares without class",
      Reason.MALFORMED,
      /2 shares for 1 token classes/,
      (s) => s.attention.push(v1.AttentionByToken.create({ tokenClass: ["#"], share: [0.5, 0.5] })),
    ],
    [
      "shares that are more than all",
      Reason.MALFORMED,
      /attention of layer 0, head 2: shares add up to 1.5, expected 1 at most/,
      (s) => s.attention.push(v1.AttentionByToken.create({ head: 2, tokenClass: ["#", "*"], share: [0.5, 1] })),
    ],
    [
      "a share that is negative",
      Reason.MALFORMED,
      /share is -0.5, expected a number from 0 to 1/,
      (s) => s.attention.push(v1.AttentionByToken.create({ tokenClass: ["#", "*"], share: [-0.5, 1] })),
    ],
    [
      "a token class twice",
      Reason.MALFORMED,
      /token class "#" twice/,
      (s) => s.attention.push(v1.AttentionByToken.create({ tokenClass: ["#", "#"], share: [0, 1] })),
    ],
    [
      "a head that is none",
      Reason.MALFORMED,
      /head -2: expected heads from 0, or -1 for the mean of all/,
      (s) => s.attention.push(v1.AttentionByToken.create({ head: -2 })),
    ],
    [
      "attention of a head twice",
      Reason.MALFORMED,
      /attention of layer 0, head 0 twice/,
      (s) => s.attention.push(v1.AttentionByToken.create(), v1.AttentionByToken.create()),
    ],
    [
      "a head's profile twice",
      Reason.MALFORMED,
      /heads of layer 0, head 0 twice/,
      (s) => s.heads.push(v1.HeadProfile.create(), v1.HeadProfile.create()),
    ],
    [
      "a score that is no number",
      Reason.MALFORMED,
      /layer 0, head 0: induction is NaN, expected a number from 0 to 1/,
      (s) => s.heads.push(v1.HeadProfile.create({ induction: Number.NaN })),
    ],
    [
      "saturation of a layer without experts",
      Reason.UNKNOWN_LAYER,
      /saturation of layer 2: the MoE layers are 1, 3/,
      (s) => s.saturation.push(v1.RouterSaturation.create({ layer: 2 })),
    ],
    [
      "saturation with too few shares",
      Reason.MALFORMED,
      /0 shares for 1 earlier steps/,
      (s) => s.saturation.push(v1.RouterSaturation.create({ layer: 1, earlierStep: [0] })),
    ],
    [
      "saturation against a later step",
      Reason.MALFORMED,
      /earlier step 1, expected ascending steps below 1/,
      (s) => s.saturation.push(v1.RouterSaturation.create({ layer: 1, earlierStep: [1], share: [1] })),
    ],
    [
      "a number that would be rounded",
      Reason.MALFORMED,
      /layer 1, category code: dropped is about 1\.845e\+19, but must be at most 2\^53 - 1/,
      (s) => Object.assign(s.histograms[0]!.categories[0]!, { dropped: { low: 0xffffffff, high: 0xffffffff } }),
    ],
    ["out of order", Reason.OUT_OF_ORDER, /sequence 5, expected 2/, (s) => Object.assign(s, { sequence: 5 })],
    ["sequence 0", Reason.OUT_OF_ORDER, /sequence 0, expected 2/, (s) => Object.assign(s, { sequence: 0 })],
  ];

  test.each(cases.map((entry, index) => [...entry, index] as const))(
    "%s",
    async (_, reason, message, change, index) => {
      const named = { ...run, id: `validated-${index}` } as v1.RunDescription;
      const sender = await connect(named);
      sender.send({ step: randomStep(named, { sequence: 1 }) });
      const wrong = randomStep(named, { sequence: 2 });
      change(wrong);
      const before = collector.counters.rejected[Reason[reason]] ?? 0;
      sender.send({ step: wrong });
      const rejection = await sender.untilRejected();
      expect(rejection).toMatchObject({ reason, sequence: wrong.sequence, message: expect.stringMatching(message) });
      expect(collector.counters.rejected[Reason[reason]]).toBe(before + 1);

      // A refused message keeps its place in the sequence, unless it never had one.
      const next = wrong.sequence === 2 && wrong.run === named.id && wrong.rank === 0 ? 3 : 2;
      sender.send({ step: randomStep(named, { sequence: next }) });
      await sender.untilAcknowledged(next);
      sender.close();
      const history = await getHistory(collector, named.id);
      expect(history.buckets.map((bucket) => bucket.firstStep)).toEqual([0, next - 1]);
      const { rejected } = await getSummary(collector, named.id);
      expect(rejected).toBe(reason === Reason.UNKNOWN_RUN ? 0 : 1);
    },
  );

  test("a step before any Hello", async () => {
    const sender = new TestSender(collector.grpcAddress);
    sender.send({ step: randomStep(run, { sequence: 1 }) });
    expect(await sender.untilRejected()).toMatchObject({
      reason: Reason.UNKNOWN_RUN,
      message: expect.stringMatching(/no Hello/),
    });
    sender.close();
  });

  test("a sequence number that would be rounded, which has no place in the sequence", async () => {
    const named = describedRun("sequence-too-large");
    const sender = await connect(named);
    const sequence = { low: 0xffffffff, high: 0xffffffff } as unknown as number;
    for (const message of [
      { step: randomStep(named, { sequence }) },
      { end: { run: named.id, sequence, outcome: 1 } },
    ]) {
      const refused = sender.rejections.length;
      sender.send(message);
      expect(await sender.untilRejected(refused + 1)).toMatchObject({
        ...{ reason: Reason.MALFORMED, sequence: 0 },
        message: expect.stringMatching(/^message: sequence is about 1\.845e\+19, but must be at most 2\^53 - 1$/),
      });
    }
    sender.send({ step: randomStep(named, { sequence: 1 }) });
    await sender.untilAcknowledged(1);
    sender.close();
  });

  test("an end without an outcome", async () => {
    const sender = await connect(describedRun("no-outcome"));
    sender.send({ end: { run: "no-outcome", sequence: 1 } });
    expect((await sender.untilRejected()).message).toMatch(/outcome 0, expected FINISHED, STOPPED or FAILED/);
    sender.close();
  });

  test("bytes that are no message", async () => {
    const run = describedRun("malformed");
    const sender = await connect(run);
    sender.sendBytes(Uint8Array.of(0x12, 0xff, 0xff, 0xff));
    sender.sendBytes(new Uint8Array(0));
    await sender.untilRejected(2);
    expect(sender.rejections.map(({ reason, sequence }) => [reason, sequence])).toEqual([
      [Reason.MALFORMED, 1],
      [Reason.MALFORMED, 2],
    ]);
    sender.send({ step: randomStep(run, { sequence: 3 }) });
    await sender.untilAcknowledged(3);
    sender.close();
  });
});

test("layers that differ, whose counts are chosen and dropped, are taken", async () => {
  const layers = [
    { index: 0, experts: 4, topK: 2, identityExperts: 1 },
    { index: 7, experts: 2, topK: 0, group: "vision" },
    { index: 9, experts: 3, topK: 1, expertsChoose: true },
  ];
  const run = describedRun("protocol-2", { moeLayers: [], experts: 0, topK: 0, layers } as never);
  const sender = await connect(run);
  const histograms = [
    {
      layer: 0,
      categories: [{ counts: [1, 2, 0, 1], droppedCounts: [0, 2, 0, 0], tokens: 2 }],
      gateMass: [1, 1, 0, 0.5],
    },
    { layer: 7, categories: [{ counts: [1, 2], assignments: 3, tokens: 5 }] },
    {
      layer: 9,
      categories: [
        { counts: [1, 0, 1], tokens: 1 },
        { category: 1, counts: [0, 1, 0], tokens: 2 },
      ],
    },
  ];
  sender.send({ step: randomStep(run, { sequence: 1, histograms } as never) });
  await sender.untilAcknowledged(1);
  expect(sender.rejections).toEqual([]);
  sender.close();
});

describe("a description that is wrong is refused", () => {
  const cases: [string, Partial<v1.RunDescription>, RegExp][] = [
    ["id", { id: "../etc" }, /run id "\.\.\/etc": expected 1 to 128 letters/],
    ["experts", { experts: 0 }, /experts 0, expected 1 to 65536/],
    ["top_k", { topK: 5 }, /top_k 5, expected 1 to 4/],
    ["layers", { moeLayers: [3, 1] }, /moe_layers 3, 1 must ascend/],
    ["categories", { categories: [] }, /categories is empty/],
    ["ranks", { ranks: 0 }, /ranks 0, expected 1 to 1048576/],
    ["top_k that varies, which protocol 1 has not", { topK: 0 }, /top_k 0, expected 1 to 4/],
    ["experts of a layer", ofLayers({ index: 3, experts: 65_537 }), /layer 3: experts 65537, expected 1 to 65536/],
    ["top_k of a layer", ofLayers({ index: 3, experts: 4, topK: 5 }), /layer 3: top_k 5, expected 0 to 4/],
    [
      "identity experts",
      ofLayers({ index: 3, experts: 4, topK: 1, identityExperts: 4 }),
      /layer 3: identity_experts 4, expected fewer than its 4 experts/,
    ],
    ["order of layers", ofLayers({ index: 3, experts: 4 }, { index: 3, experts: 4 }), /layers 3, 3 must ascend/],
    ["planned steps", { plannedSteps: { low: 0, high: 2 ** 21 } as never }, /planned_steps is about 9\.007e\+15/],
  ];
  test.each(cases)("%s", async (name, changes, message) => {
    const sender = await connect(describedRun(`description-${name.replace(/\W+/g, "-")}`, changes));
    expect(sender.rejections[0]).toMatchObject({ reason: Reason.MALFORMED, message: expect.stringMatching(message) });
    sender.close();
  });

  test("a run that was described differently before keeps its first description", async () => {
    const run = describedRun("conflict");
    const first = await connect(run);
    const second = await connect(describedRun("conflict", { experts: 8 }), 0, 1);
    const conflict = {
      reason: Reason.DESCRIPTION_CONFLICT,
      message: expect.stringMatching(/layer 1: experts 8, but it was described before with 4/),
    };
    expect(second.rejections[0]).toMatchObject(conflict);
    second.send({ step: randomStep(run, { sequence: 1, attempt: 1 }) });
    expect(await second.untilRejected(2)).toMatchObject(conflict);
    expect((await getSummary(collector, run.id)).run.experts).toBe(4);
    first.close();
    second.close();
  });

  test("of two that describe a new run at the same moment, one is refused", async () => {
    const senders = await Promise.all([4, 8].map((experts) => connect(describedRun("race", { experts }))));
    expect(senders.flatMap((sender) => sender.rejections)).toHaveLength(1);
    for (const sender of senders) sender.close();
  });
});

function ofLayers(...layers: v1.MoeLayer.$Properties[]): Partial<v1.RunDescription> {
  return { layers: layers as v1.MoeLayer[], moeLayers: [], experts: 0, topK: 0 };
}

test("another protocol version ends the stream, naming both versions", async () => {
  const sender = new TestSender(collector.grpcAddress);
  sender.send({ hello: { protocolVersion: 99, run: describedRun("version") } });
  const ended = await sender.status;
  expect(ended.code).toBe(status.FAILED_PRECONDITION);
  expect(ended.details).toMatch(new RegExp(`protocol version 99, this collector versions 1 to ${PROTOCOL_VERSION}`));
});

test("what is sent again is dropped, counted and acknowledged again", async () => {
  const run = describedRun("duplicates");
  const steps = [1, 2, 3].map((sequence) => randomStep(run, { sequence }));
  const first = await connect(run);
  for (const step of steps) first.send({ step });
  await first.untilAcknowledged(3);
  first.cut();

  const before = collector.counters.duplicates;
  const second = await connect(run);
  expect(second.acknowledged).toBe(3);
  for (const step of steps) second.send({ step });
  second.send({ step: randomStep(run, { sequence: 4 }) });
  await second.untilAcknowledged(4);
  expect(collector.counters.duplicates).toBe(before + 3);
  expect(second.answers.filter((answer) => answer.acknowledgement?.sequence === 3)).toHaveLength(4);
  const { buckets } = await getHistory(collector, run.id, "points=1&layers=all");
  const sent = [...steps, randomStep(run, { sequence: 4 })].flatMap(
    (step) => step.histograms[0]!.categories[0]!.tokens,
  );
  expect(buckets[0]!.steps).toBe(4);
  expect(buckets[0]!.layers[0]!.categories[0]!.tokens).toBe(sent.reduce((a, b) => a + b));
  second.close();
});

test("a second stream of the same rank takes over from the first", async () => {
  const run = describedRun("takeover");
  const first = await connect(run);
  const second = await connect(run);
  expect((await first.status).code).toBe(status.ABORTED);
  second.send({ step: randomStep(run, { sequence: 1 }) });
  await second.untilAcknowledged(1);
  second.close();
});

test("a sender that has nothing earlier any more goes on where it is, and the gap is counted", async () => {
  const run = describedRun("gap");
  const before = collector.counters.gaps;
  const sender = await connect(run);
  sender.send({ step: randomStep(run, { sequence: 501 }) });
  sender.send({ step: randomStep(run, { sequence: 502 }) });
  await sender.untilAcknowledged(502);
  expect(collector.counters.gaps).toBe(before + 1);
  sender.close();
});

test("a sender that closes its side gets its last acknowledgement first", async () => {
  const run = describedRun("half-close");
  const sender = await connect(run);
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  sender.send({ end: { run: run.id, sequence: 2, outcome: v1.RunEnd.Outcome.FINISHED, endedAt: 1 } });
  sender.close();
  expect((await sender.status).code).toBe(status.OK);
  expect(sender.acknowledged).toBe(2);
  expect((await getSummary(collector, run.id)).state).toBe(v1.RunSummary.State.FINISHED);
});

test("values that are not numbers are legal and kept apart", async () => {
  const run = describedRun("nan");
  const sender = await connect(run);
  const losses = [3, Number.NaN, Number.POSITIVE_INFINITY];
  for (const [index, value] of losses.entries()) {
    sender.send({
      step: randomStep(run, { sequence: index + 1, scalars: [v1.Scalar.create({ name: "loss", value })] }),
    });
  }
  await sender.untilAcknowledged(3);
  const { buckets } = await getHistory(collector, run.id, "points=1");
  const infinite = Number.POSITIVE_INFINITY;
  expect(buckets[0]!.scalars[0]).toMatchObject({
    values: 2,
    nanValues: 1,
    first: 3,
    min: 3,
    max: infinite,
    last: infinite,
  });
  sender.close();
});
