// One message of each kind that is pinned as bytes, with every field set to a value that is not its default.
import { v1 } from "./index.ts";

const run: v1.RunDescription.$Properties = {
  id: "run-7",
  name: "loss-free",
  configJson: '{"width":256}',
  recipe: "small",
  strategy: "loss-free-bias",
  seed: 4_000_000_000,
  moeLayers: [1, 3, 300],
  experts: 4,
  topK: 2,
  categories: ["code", "docs", "maths"],
  ranks: 2,
  codeVersion: "0.1.0",
  metricsVersion: 1,
  tags: ["golden", "ünïcode"],
  startedAt: 1_764_000_000_123.5,
  plannedSteps: 2 ** 40,
  tokensPerStep: 2048,
  parent: "run-6",
  layers: [{ index: 300, experts: 4, topK: 2, identityExperts: 1, group: "vision", expertsChoose: true }],
};

export const step: v1.Step.$Properties = {
  run: "run-7",
  rank: 1,
  attempt: 2,
  // Beyond 32 bits: the largest that is exact as a JavaScript number.
  sequence: Number.MAX_SAFE_INTEGER,
  step: 5_000_000_000,
  tokens: 10_240_000_000_000,
  time: 1_764_000_000_456.25,
  split: v1.Split.EVAL,
  scalars: [
    { name: "loss", value: 1.25 },
    { name: "loss/balance", value: Number.NaN },
    { name: "gradient_norm", value: Number.NEGATIVE_INFINITY },
  ],
  histograms: [
    {
      layer: 300,
      categories: [
        {
          category: 2,
          counts: [4_294_967_295, 0, 127, 128],
          tokens: 2_147_483_776,
          dropped: 2,
          gateMass: [0.5, 0, 2, 3.25],
          meanProbability: [0.25, 0.5, 0.125, 0.125],
          droppedCounts: [1, 0, 0, 1],
          assignments: 4_294_967_550,
        },
      ],
      selectionBias: [-0.5, 0, 0.25, 1],
      gateMass: [0.5, 0, 2, 3.25],
      meanProbability: [0.25, 0.5, 0.125, 0.125],
    },
  ],
  attention: [{ layer: 3, head: -1, tokenClass: ["#", "*", "whitespace"], share: [0.5, 0.25, 0.125] }],
  heads: [{ layer: 3, head: 7, previousToken: 0.5, firstToken: 0.25, induction: 1, local: 0.75, broad: 0.125 }],
  saturation: [{ layer: 3, earlierStep: [99, 2 ** 40], share: [0.5, 0.75] }],
};

export const reportRequest: v1.ReportRequest.$Properties = {
  hello: {
    ...{ protocolVersion: 2, run, rank: 1, attempt: 2, checksums: true },
    annotation: { name: "the good one", tags: ["päper"], notes: "look at layer 3" },
  },
  checksum: 0xfedcba98,
};

const summary: v1.ScalarSummary.$Properties = {
  name: "loss",
  values: 8,
  sum: 12.5,
  first: 2,
  min: 1,
  max: 2.5,
  last: 1.25,
  nanValues: 3,
};

export const stepBucket: v1.StepBucket.$Properties = {
  run: "run-7",
  split: v1.Split.TRAIN,
  firstStep: 8,
  lastStep: 15,
  steps: 8,
  tokens: 32_768,
  time: 1_764_000_000_789,
  attempt: 2,
  scalars: [summary],
  layers: [
    {
      layer: 3,
      maxViolation: { ...summary, name: "max_violation" },
      deadExperts: 2,
      tokens: 16_384,
      dropped: 5,
      categories: [{ category: 1, counts: [2 ** 33, 1], tokens: 8192, dropped: 5, droppedCounts: [5, 0] }],
      countsMin: [0, 1],
      countsMax: [2 ** 33, 1],
      selectionBias: [0.5, -0.5],
      gateMass: [0.5, 2 ** 40],
      meanProbability: [0.25, 0.75],
      probabilityTokens: 8192,
    },
  ],
  ranks: 3,
};
