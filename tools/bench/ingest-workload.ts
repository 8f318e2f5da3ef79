// The routing of a DeepSeek-V3 in training, encoded once and sent as often as it takes: any number of steps for the price of a few.
import { v1 } from "@moescope/proto";

export const layers = 58;
export const experts = 256;
export const categories = ["code", "docs", "maths"];
/** Share of each category in the tokens. */
const shares = [0.5, 0.3, 0.2];
const topK = 8;
/** Tokens of a step; with them 64 to 1,000 assignments fall to most experts in each category. */
export const tokensPerStep = 65_536;
export const countsPerStep = layers * experts * categories.length;

export interface ModelSize {
  layers: number;
  experts: number;
}
const deepSeek: ModelSize = { layers, experts };

/** Different steps; after them the same come again, farther away than the engine's compression looks back. */
const cycle = 512;

export function describedRun(id: string, { layers, experts } = deepSeek): v1.RunDescription {
  return v1.RunDescription.create({
    id,
    name: id,
    strategy: "none",
    moeLayers: Array.from({ length: layers }, (_, layer) => layer),
    experts,
    topK,
    categories,
    ranks: 1,
    tokensPerStep,
  });
}

export class Workload {
  readonly #histograms: Uint8Array[];

  /** Each expert has a popularity of its own in each layer and category (log-normal, σ = 0.5), and every step its own noise. */
  constructor({ layers, experts } = deepSeek) {
    const popularity = Array.from({ length: layers }, () => categories.map(() => popularities(experts)));
    this.#histograms = Array.from({ length: cycle }, () => {
      const histograms = popularity.map((ofLayer, layer) => ({ layer, categories: ofLayer.map(routing) }));
      return v1.Step.encode({ histograms }).finish();
    });
  }

  /** Bytes of the histograms of a step. */
  get messageBytes(): number {
    return this.#histograms[0]!.length;
  }

  /** @returns a ReportRequest; fields of a message may come in any order, so what differs stands in front of the histograms */
  message(run: string, step: number): Buffer {
    const histograms = this.#histograms[step % cycle]!;
    const head = v1.Step.encode({
      ...{ run, sequence: step + 1, step, tokens: (step + 1) * tokensPerStep, time: Date.now(), split: v1.Split.TRAIN },
      scalars: [{ name: "loss", value: 2 + 8 / (1 + step / 100) }],
    }).finish();
    return Buffer.concat([requestHead(head.length + histograms.length), head, histograms]);
  }
}

/** Tag and length of the field `step` of a ReportRequest. */
function requestHead(length: number): Uint8Array {
  const bytes = [(2 << 3) | 2];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function popularities(experts: number): number[] {
  const weights = Array.from({ length: experts }, () => Math.exp(0.5 * normal()));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function routing(popularity: number[], category: number) {
  const assigned = tokensPerStep * shares[category]! * topK;
  const counts = popularity.map((share) => {
    const mean = share * assigned;
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
  });
  const sum = counts.reduce((total, count) => total + count, 0);
  const tokens = Math.ceil(sum / topK);
  return { category, counts, tokens, dropped: tokens * topK - sum };
}

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
