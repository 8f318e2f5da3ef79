// Runs whose every number follows from a formula, sent through the real collector: what is on screen is the same on every machine.
import { v1 } from "@moescope/proto";
import type { StepReport } from "@moescope/trainer";
import { StepSender } from "./step-sender.ts";

export const replayed = {
  layers: [0, 1, 2, 3],
  experts: 16,
  topK: 2,
  steps: 120,
  collapsedLayer: 2,
  collapsedExpert: 5,
};
const { layers, experts, topK, collapsedLayer, collapsedExpert } = replayed;
const CATEGORIES = ["code", "docs", "maths"];
const ASSIGNMENTS = [6000, 3600, 2400];
const TOKENS_PER_STEP = 6000;
const STARTED_AT = 1_700_000_000_000;
const STEP_TIME = 500;
/** The collapse begins here, and is complete after as many steps again. */
const COLLAPSE_FROM = 40;
const EVALUATED_EVERY = 20;

export interface Replayed {
  id: string;
  strategy: string;
  seed: number;
  /** Whether one expert of one layer draws more and more tokens. */
  collapses: boolean;
}

export const healthyRun: Replayed = { id: "healthy", strategy: "loss-free-bias", seed: 1, collapses: false };
export const collapsingRun: Replayed = { id: "collapsing", strategy: "none", seed: 1, collapses: true };

export function describedRun({ id, strategy, seed }: Replayed): v1.RunDescription.$Properties {
  return {
    ...{ id, name: id, strategy, seed, moeLayers: layers, experts, topK, categories: CATEGORIES, ranks: 1 },
    recipe: "replayed",
    configJson: JSON.stringify({ strategy, seed, model: { layers: layers.length, experts, topK } }),
    startedAt: STARTED_AT,
    plannedSteps: replayed.steps,
    tokensPerStep: TOKENS_PER_STEP,
  };
}

/** Sends the whole run, with its evaluations and probes, until all of it is stored. */
export async function replay(grpc: string, run: Replayed): Promise<void> {
  const sender = new StepSender(grpc, describedRun(run));
  for (let step = 0; step < replayed.steps; step++) {
    sender.step(trainingStep(run, step));
    if ((step + 1) % EVALUATED_EVERY !== 0) continue;
    sender.step({
      ...trainingStep(run, step),
      split: v1.Split.EVAL,
      scalars: [scalar("loss", lossAt(run, step) + 0.1)],
    });
    sender.step(probe(step));
  }
  await sender.finish(STARTED_AT + replayed.steps * STEP_TIME);
}

export function trainingStep(run: Replayed, step: number): StepReport {
  return {
    ...placeOf(step),
    split: v1.Split.TRAIN,
    scalars: [scalar("loss", lossAt(run, step)), scalar("learning_rate", 1e-3), scalar("step_time", STEP_TIME / 1000)],
    histograms: layers.map((layer) => ({
      layer,
      categories: CATEGORIES.map((_, category) => routing(run, step, layer, category)),
      ...(run.strategy === "loss-free-bias" && { selectionBias: biases(step, layer) }),
    })),
  };
}

function placeOf(step: number) {
  return { step, tokens: (step + 1) * TOKENS_PER_STEP, time: STARTED_AT + (step + 1) * STEP_TIME };
}

function scalar(name: string, value: number): v1.Scalar.$Properties {
  return { name, value };
}

function lossAt({ collapses }: Replayed, step: number): number {
  return 1.6 + 3 * Math.exp(-step / 30) + 0.05 * Math.sin(step * 1.3) + (collapses ? 0.15 * collapseAt(step) : 0);
}

/** 0 before the collapse, 1 when it is complete. */
function collapseAt(step: number): number {
  return Math.min(1, Math.max(0, (step - COLLAPSE_FROM) / COLLAPSE_FROM));
}

/** Σ counts + dropped = k × tokens, as the collector demands. */
function routing(run: Replayed, step: number, layer: number, category: number): v1.CategoryRouting.$Properties {
  const weights = Array.from({ length: experts }, (_, expert) => weightOf(run, step, layer, category, expert));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const counts = weights.map((weight) => Math.round((weight / sum) * ASSIGNMENTS[category]!));
  const assigned = counts.reduce((total, count) => total + count, 0);
  const tokens = Math.ceil(assigned / topK);
  return { category, counts, tokens, dropped: tokens * topK - assigned };
}

/** Experts have a liking for a category; what a strategy evens out fades with the steps. */
function weightOf(run: Replayed, step: number, layer: number, category: number, expert: number): number {
  const liking = expert % CATEGORIES.length === category ? 0.6 : 0;
  const uneven = 0.5 * Math.exp(-step / (run.collapses ? 300 : 40)) + 0.08;
  const wave = uneven * Math.sin(expert * 2.4 + layer * 1.1 + step * 0.06 + run.seed);
  const drawn = run.collapses && layer === collapsedLayer && expert === collapsedExpert ? 8 * collapseAt(step) : 0;
  return 1 + liking + wave + drawn;
}

function biases(step: number, layer: number): number[] {
  return Array.from({ length: experts }, (_, expert) => 0.001 * step * Math.sin(expert * 2.4 + layer * 1.1));
}

function probe(step: number): StepReport {
  const heads = layers.flatMap((layer) => [0, 1].map((head) => ({ layer, head })));
  const mean = -1;
  const wave = (layer: number, head: number, phase: number) => 0.3 + 0.25 * Math.sin(layer * 1.7 + head * 2.3 + phase);
  const earlierStep = Array.from(
    { length: Math.floor(step / EVALUATED_EVERY) },
    (_, probed) => (probed + 1) * EVALUATED_EVERY - 1,
  );
  return {
    ...placeOf(step),
    split: v1.Split.PROBE,
    attention: [...heads, ...layers.map((layer) => ({ layer, head: mean }))].map(({ layer, head }) => ({
      ...{ layer, head },
      tokenClass: ["#", "*", "whitespace"],
      share: [0.1, 0.2, 0.3].map((share, at) => share * (0.6 + wave(layer, head, at))),
    })),
    heads: heads.map(({ layer, head }) => ({
      ...{ layer, head, previousToken: wave(layer, head, 0), firstToken: wave(layer, head, 1) },
      ...{ induction: wave(layer, head, 2), local: wave(layer, head, 3), broad: wave(layer, head, 4) },
    })),
    saturation: layers.map((layer) => ({
      layer,
      earlierStep,
      share: earlierStep.map((earlier) => 0.4 + (0.6 * earlier) / (step + 1) - 0.02 * layer),
    })),
  };
}
