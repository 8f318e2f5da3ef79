// Steps of protocol 2 to send in tests: layers of different sizes, ranks without a layer or without tokens, what was dropped and who by.
import { layersOf, v1 } from "@moescope/proto";
import { describedRun, random } from "./runs.ts";

/** Layers that differ in everything. */
export function unevenRun(id: string, changes: Partial<v1.RunDescription> = {}): v1.RunDescription {
  const layers = [
    { index: 0, experts: 4, topK: 2 },
    { index: 2, experts: 9, topK: 0 },
    { index: 7, experts: 6, topK: 2, expertsChoose: true },
  ].map((layer) => new v1.MoeLayer(layer));
  const moeLayers = layers.map(({ index }) => index);
  return describedRun(id, {
    layers,
    moeLayers,
    experts: 9,
    topK: 2,
    categories: ["code", "docs", "maths"],
    ...changes,
  });
}

/** The same for the same run, rank, attempt and step; what ranks agree on is the same for all. */
export function unevenStep(run: v1.RunDescription, changes: Partial<v1.Step> & { step: number }): v1.Step {
  const { step, rank = 0, attempt = 0 } = changes;
  const next = random(step * 7919 + rank * 104_729 + attempt * 15_485_863 + 1);
  const position = { run: run.id, rank, attempt, sequence: 1, tokens: (step + 1) * 64, time: 1_700_000_000_000 + step };
  return v1.Step.create({
    ...{ ...position, split: v1.Split.TRAIN },
    histograms: layersOf(run).flatMap((layer) => (next() < 0.1 ? [] : [histogram(run, layer, step, next)])),
    ...changes,
  });
}

function histogram(run: v1.RunDescription, layer: v1.MoeLayer, step: number, next: () => number) {
  const { index, experts, topK, expertsChoose } = layer;
  const present = next() < 0.15 ? [] : run.categories.flatMap((_, category) => (next() < 0.2 ? [] : [category]));
  const categories = present.map((category) => {
    const counts = Array.from({ length: experts }, () => Math.floor(next() ** 3 * 400));
    counts[0]! += topK > 0 ? sumOf(counts) % topK : 0;
    const tokens = sumOf(counts) / Math.max(1, topK);
    const droppedCounts = next() < 0.5 ? [] : counts.map((count) => Math.floor(next() * (count + 1)));
    const assignments = topK === 0 || expertsChoose ? sumOf(counts) : 0;
    return new v1.CategoryRouting({ category, counts, tokens, droppedCounts, assignments });
  });
  const agreed = random(step * 31 + index);
  return new v1.RoutingHistogram({
    layer: index,
    categories,
    selectionBias: Array.from({ length: experts }, () => Math.fround(agreed() - 0.5)),
    gateMass: next() < 0.2 ? [] : Array.from({ length: experts }, () => Math.fround(next() * 100)),
    meanProbability: next() < 0.2 ? [] : Array.from({ length: experts }, () => Math.fround(next() / experts)),
  });
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
