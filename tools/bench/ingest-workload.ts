// What a trainer sends of a DeepSeek-V3 with loss-free balancing, any number of steps: counts, gate mass, router probabilities and biases,
// each with noise of its own. The same seed makes the same steps.
import { v1 } from "@moescope/proto";
import { withChecksum } from "@moescope/proto/checksum";

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
    strategy: "loss-free-bias",
    moeLayers: Array.from({ length: layers }, (_, layer) => layer),
    experts,
    topK,
    layers: Array.from({ length: layers }, (_, index) => ({ index, experts, topK })),
    categories,
    ranks: 1,
    tokensPerStep,
  });
}

/** Numbers of a normal distribution, in 4,096ths; a histogram takes them from a place of its own on. */
const noise = makeNoise(2 ** 20);

/** The load that an expert has on average, and the standard deviation of what a step has; in 16ths. */
interface Popularity {
  means: Int32Array;
  deviations: Int32Array;
}

/** The routers of a layer as they are on average. */
interface Router {
  /** One for each category. */
  popularities: Popularity[];
  /** Mean gate weight of the tokens that an expert gets, and mean router probability over all tokens. */
  weights: Float32Array;
  probabilities: Float32Array;
  /** What loss-free balancing has settled at. */
  biases: Float32Array;
}

/** Gate weights of an expert's tokens spread by half of their mean, and router probabilities by 1.3 times theirs, over all tokens. */
const [weightSpread, probabilityNoise] = [0.5, 1.3 / Math.sqrt(tokensPerStep)];
/** What a bias changes by in a step. */
const biasStep = Math.fround(0.001);

export class Workload {
  readonly #routers: Router[];
  readonly #encoder: HistogramEncoder;
  /** Biases of each run as of its last step, and how many changes each is from where it settled. */
  readonly #biases = new Map<string, { biases: Float32Array; changes: Int8Array }>();

  /**
   * Each expert has a popularity of its own in each layer and category (log-normal, σ = 0.5). Its load in a step is normal around
   * that, with the variance of a Poisson distribution: what is left when tokens choose by themselves.
   */
  constructor({ layers, experts } = deepSeek) {
    const random = seeded(1);
    const around = (middle: number, deviation: number) =>
      Float32Array.from({ length: experts }, () => middle * Math.exp(deviation * normal(random)));
    this.#routers = Array.from({ length: layers }, () => ({
      popularities: shares.map((share) => popularity(experts, share, random)),
      weights: around(1 / topK, 0.2),
      probabilities: around(1 / experts, 0.5),
      biases: Float32Array.from({ length: experts }, () => 0.05 * normal(random)),
    }));
    this.#encoder = new HistogramEncoder(layers, experts);
  }

  /**
   * Histograms of one step of one of many ranks, without biases: of these, all ranks have the same in a step.
   *
   * @param noise numbers what no other rank and step have
   * @returns the bytes, and where in them the biases of each layer belong
   */
  rankHistograms(noise: number): { bytes: Buffer; biasesAt: number[] } {
    const none = new Float32Array(layers * experts);
    const bytes = Buffer.from(this.#encoder.encode(this.#routers, none, seeded(noise)));
    return { bytes, biasesAt: [...this.#encoder.biasesAt] };
  }

  /** Biases of all layers in the next step of a run, one layer after the other. Later calls change them. */
  nextBiases(run: string, step: number): Float32Array {
    return this.#nextBiases(run, seeded(step));
  }

  /** Bytes of the histograms of a step. */
  get messageBytes(): number {
    return this.#histograms("", 0).length;
  }

  /**
   * @param step one more than in the last message of the run
   * @returns a ReportRequest with its checksum; fields of a message may come in any order, so what differs stands in front of the histograms
   */
  message(run: string, step: number): Buffer {
    return stepMessage({ run, step, tokens: (step + 1) * tokensPerStep }, this.#histograms(run, step));
  }

  #histograms(run: string, step: number): Uint8Array {
    const seed = Array.from(run).reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7);
    const random = seeded(Math.imul(seed, 1_000_003) + step);
    return this.#encoder.encode(this.#routers, this.#nextBiases(run, random), random);
  }

  /** Up or down with every step, around what balances. */
  #nextBiases(run: string, random: () => number): Float32Array {
    const known = this.#biases.get(run);
    if (known === undefined) {
      const settled = this.#routers.flatMap((router) => [...router.biases]);
      const first = { biases: Float32Array.from(settled), changes: new Int8Array(settled.length) };
      this.#biases.set(run, first);
      return first.biases;
    }
    const { biases, changes } = known;
    for (let index = 0; index < biases.length; index++) {
      const up = random() / 2 ** 32 < 0.5 - 0.125 * changes[index]!;
      changes[index]! += up ? 1 : -1;
      biases[index]! += up ? biasStep : -biasStep;
    }
    return biases;
  }
}

/** @returns a ReportRequest of one training step, with its checksum; the histograms are its last bytes before that */
export function stepMessage(place: v1.Step.$Properties & { step: number }, histograms: Uint8Array): Buffer {
  const { step } = place;
  const known = { sequence: step + 1, time: Date.now(), split: v1.Split.TRAIN, scalars: scalarsOf(step) };
  const head = v1.Step.encode({ ...place, ...known }).finish();
  return withChecksum(Buffer.concat([requestHead(head.length + histograms.length), head, histograms]));
}

/** By the names that a trainer gives them. */
function scalarsOf(step: number): v1.Scalar.$Properties[] {
  const crossEntropy = 2 + 8 / (1 + step / 100);
  const values = {
    loss: crossEntropy,
    "loss/cross_entropy": crossEntropy,
    "loss/balance": 0,
    learning_rate: 0.0003 * Math.min(1, step / 1000),
    gradient_norm: 1 / (1 + step / 50),
    tokens_per_second: 40_000 + (step % 97),
    step_time: 1.6 + (step % 13) / 100,
  };
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

const histogramFields = {
  layer: field(1, 0),
  categories: field(2, 2),
  bias: field(3, 2),
  mass: field(4, 2),
  mean: field(5, 2),
};
const [categoryField, countsField, tokensField] = [field(1, 0), field(2, 2), field(3, 0)];
const histogramsField = field(10, 2);

/** Writes the field `histograms` of a Step. The library needs five times as long, which a bench on two cores has not got. */
class HistogramEncoder {
  readonly #bytes: Buffer;
  /** Of the layer, over the categories. */
  readonly #loads: Uint32Array;
  /** Where the biases of each layer are, since the last step. */
  readonly biasesAt: number[] = [];
  #position = 0;

  constructor(layers: number, experts: number) {
    this.#bytes = Buffer.alloc(layers * (categories.length * (experts * 5 + 64) + experts * 12 + 64));
    this.#loads = new Uint32Array(experts);
  }

  /**
   * @param biases of all layers, one after the other
   * @param random numbers from 0 to 2³²
   */
  encode(routers: readonly Router[], biases: Float32Array, random: () => number): Uint8Array {
    this.#position = 0;
    this.biasesAt.length = 0;
    const experts = this.#loads.length;
    for (const [layer, router] of routers.entries()) {
      this.#nested(histogramsField, () => {
        this.#number(histogramFields.layer, layer);
        this.#loads.fill(0);
        for (const [category, popularity] of router.popularities.entries()) {
          this.#nested(histogramFields.categories, () => this.#category(category, popularity, random()));
        }
        // Behind a tag and a length.
        this.biasesAt.push(this.#position + 4);
        this.#floats(histogramFields.bias, (expert) => biases[layer * experts + expert]!);
        this.#gates(router, random() % (noise.length - 2 * experts));
      });
    }
    return this.#bytes.subarray(0, this.#position);
  }

  #gates({ weights, probabilities }: Router, from: number): void {
    const experts = this.#loads.length;
    this.#floats(histogramFields.mass, (expert) => {
      const load = this.#loads[expert]!;
      return weights[expert]! * (load + (weightSpread * Math.sqrt(load) * noise[from + expert]!) / 4096);
    });
    this.#floats(histogramFields.mean, (expert) => {
      return probabilities[expert]! * (1 + (probabilityNoise * noise[from + experts + expert]!) / 4096);
    });
  }

  #floats(tag: number, value: (expert: number) => number): void {
    this.#nested(tag, () => {
      for (let expert = 0; expert < this.#loads.length; expert++) {
        this.#position = this.#bytes.writeFloatLE(value(expert), this.#position);
      }
    });
  }

  #category(category: number, popularity: Popularity, random: number): void {
    let sum = 0;
    this.#number(categoryField, category);
    this.#nested(countsField, () => {
      sum = this.#counts(popularity, random % (noise.length - popularity.means.length));
    });
    this.#number(tokensField, sum / topK);
  }

  /** @returns their sum, which is that of whole tokens */
  #counts({ means, deviations }: Popularity, from: number): number {
    const bytes = this.#bytes;
    let position = this.#position;
    let sum = 0;
    const last = means.length - 1;
    for (let expert = 0; expert <= last; expert++) {
      let count = Math.max(0, (means[expert]! + ((deviations[expert]! * noise[from + expert]!) >> 12) + 8) >> 4);
      if (expert === last) count += (topK - ((sum + count) % topK)) % topK;
      sum += count;
      this.#loads[expert]! += count;
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
