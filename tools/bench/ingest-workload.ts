// The routing of a DeepSeek-V3 in training, any number of steps: each has noise of its own, and the same seed makes the same steps.
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

/** Numbers of a normal distribution, in 4,096ths; a histogram takes them from a place of its own on. */
const noise = makeNoise(2 ** 20);

/** The load that an expert has on average, and the standard deviation of what a step has. */
interface Popularity {
  means: Int32Array;
  deviations: Int32Array;
}

export class Workload {
  readonly #popularities: Popularity[][];
  readonly #encoder: HistogramEncoder;

  /**
   * Each expert has a popularity of its own in each layer and category (log-normal, σ = 0.5). Its load in a step is normal around
   * that, with the variance of a Poisson distribution: what is left when tokens choose by themselves.
   */
  constructor({ layers, experts } = deepSeek) {
    const random = seeded(1);
    this.#popularities = Array.from({ length: layers }, () =>
      shares.map((share) => popularity(experts, share, random)),
    );
    this.#encoder = new HistogramEncoder(layers, experts);
  }

  /** Bytes of the histograms of a step. */
  get messageBytes(): number {
    return this.#histograms("", 0).length;
  }

  /** @returns a ReportRequest; fields of a message may come in any order, so what differs stands in front of the histograms */
  message(run: string, step: number): Buffer {
    const histograms = this.#histograms(run, step);
    const head = v1.Step.encode({
      ...{ run, sequence: step + 1, step, tokens: (step + 1) * tokensPerStep, time: Date.now(), split: v1.Split.TRAIN },
      scalars: [{ name: "loss", value: 2 + 8 / (1 + step / 100) }],
    }).finish();
    return Buffer.concat([requestHead(head.length + histograms.length), head, histograms]);
  }

  #histograms(run: string, step: number): Uint8Array {
    const seed = Array.from(run).reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7);
    return this.#encoder.encode(this.#popularities, seeded(Math.imul(seed, 1_000_003) + step));
  }
}

const [layerField, categoriesField] = [field(1, 0), field(2, 2)];
const [categoryField, countsField, tokensField, droppedField] = [field(1, 0), field(2, 2), field(3, 0), field(4, 0)];
const histogramsField = field(10, 2);

/** Writes the field `histograms` of a Step. The library needs five times as long, which a bench on two cores has not got. */
class HistogramEncoder {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(layers: number, experts: number) {
    this.#bytes = Buffer.alloc(layers * categories.length * (experts * 5 + 64) + layers * 16);
  }

  /** @param random numbers from 0 to 2³² */
  encode(layers: readonly (readonly Popularity[])[], random: () => number): Uint8Array {
    this.#position = 0;
    for (const [layer, ofLayer] of layers.entries()) {
      this.#nested(histogramsField, () => {
        this.#number(layerField, layer);
        for (const [category, popularity] of ofLayer.entries()) {
          this.#nested(categoriesField, () => this.#category(category, popularity, random()));
        }
      });
    }
    return this.#bytes.subarray(0, this.#position);
  }

  #category(category: number, popularity: Popularity, random: number): void {
    let sum = 0;
    this.#number(categoryField, category);
    this.#nested(countsField, () => {
      sum = this.#counts(popularity, random % (noise.length - popularity.means.length));
    });
    const tokens = Math.ceil(sum / topK);
    this.#number(tokensField, tokens);
    this.#number(droppedField, tokens * topK - sum);
  }

  /** @returns their sum */
  #counts({ means, deviations }: Popularity, from: number): number {
    const bytes = this.#bytes;
    let position = this.#position;
    let sum = 0;
    for (let expert = 0; expert < means.length; expert++) {
      // Means and deviations are in 16ths.
      const count = Math.max(0, (means[expert]! + ((deviations[expert]! * noise[from + expert]!) >> 12) + 8) >> 4);
      sum += count;
      let rest = count;
      for (; rest > 127; rest >>>= 7) bytes[position++] = (rest & 127) | 128;
      bytes[position++] = rest;
    }
    this.#position = position;
    return sum;
  }

  #number(tag: number, value: number): void {
    if (value === 0) return; // as every writer of proto3 does
    this.#bytes[this.#position++] = tag;
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#position++] = (rest & 127) | 128;
    this.#bytes[this.#position++] = rest;
  }

  /** The length stands before what has it, in three bytes whatever it is. */
  #nested(tag: number, write: () => void): void {
    this.#bytes[this.#position] = tag;
    const start = this.#position + 4;
    this.#position = start;
    write();
    const length = this.#position - start;
    this.#bytes[start - 3] = (length & 127) | 128;
    this.#bytes[start - 2] = ((length >> 7) & 127) | 128;
    this.#bytes[start - 1] = length >> 14;
  }
}

/** @param wireType 0 for a number, 2 for what has a length */
function field(number: number, wireType: number): number {
  return (number << 3) | wireType;
}

/** Tag and length of the field `step` of a ReportRequest. */
function requestHead(length: number): Uint8Array {
  const bytes = [field(2, 2)];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function popularity(experts: number, share: number, random: () => number): Popularity {
  const weights = Array.from({ length: experts }, () => Math.exp(0.5 * normal(random)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const means = weights.map((weight) => (weight / sum) * tokensPerStep * share * topK);
  return {
    means: Int32Array.from(means, (mean) => Math.round(mean * 16)),
    deviations: Int32Array.from(means, (mean) => Math.round(Math.sqrt(mean) * 16)),
  };
}

function makeNoise(length: number): Int16Array {
  const random = seeded(2);
  return Int16Array.from({ length }, () => Math.round(4096 * normal(random)));
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random() / 2 ** 32)) * Math.cos((2 * Math.PI * random()) / 2 ** 32);
}

/** Whole numbers from 0 to 2³² − 1: Marsaglia's xorshift, after some mixing of the seed. */
function seeded(seed: number): () => number {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let discarded = 0; discarded < 4; discarded++) next();
  return next;
}
