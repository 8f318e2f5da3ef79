// What the ranks of one training job send, step after step. Making histograms would take the processor time that is to be measured, so a
// pool of them is made ahead, and a message is one of the pool with its rank, its step and the step's biases written into it.
import { v1 } from "@moescope/proto";
import { experts, layers, stepMessage, tokensPerStep, Workload } from "./ingest-workload.ts";

/** Steps of the whole job until a rank's histogram comes again, from another rank: more than the store compresses together. */
const STEPS_IN_POOL = 8;

interface Histograms {
  bytes: Buffer;
  biasesAt: number[];
}

export class JobMessages {
  readonly #workload = new Workload();
  readonly #pool: Histograms[];
  readonly #ranks: number;
  /** Of every step so far: all ranks of a job have the same. */
  readonly #biases: Buffer[] = [];

  constructor(ranks: number) {
    this.#ranks = ranks;
    this.#pool = Array.from({ length: STEPS_IN_POOL * ranks }, (_, index) => this.#workload.rankHistograms(index));
  }

  /** Distinct histograms that messages are made of. */
  get distinct(): number {
    return this.#pool.length;
  }

  /** Of a message, nearly. */
  get bytes(): number {
    return this.#pool[0]!.bytes.length;
  }

  /**
   * @param member of the job: a rank has another number where the job is reported as several runs
   * @param at how the message names its sender
   */
  message(member: number, step: number, at: { run: string; rank: number }): Buffer {
    return stepMessage(
      { ...at, step, tokens: (step + 1) * tokensPerStep * this.#ranks },
      this.histograms(member, step),
    );
  }

  /** The field `histograms` of a Step; the next call may change it. */
  histograms(member: number, step: number): Buffer {
    const { bytes, biasesAt } = this.#pool[(member * (STEPS_IN_POOL + 1) + step * this.#ranks) % this.#pool.length]!;
    const biases = this.#biasesOf(step);
    const size = Float32Array.BYTES_PER_ELEMENT * experts;
    for (const [layer, at] of biasesAt.entries()) biases.copy(bytes, at, layer * size, (layer + 1) * size);
    return bytes;
  }

  #biasesOf(step: number): Buffer {
    while (this.#biases.length <= step) {
      const next = this.#workload.nextBiases("job", this.#biases.length).slice();
      this.#biases.push(Buffer.from(next.buffer));
    }
    return this.#biases[step]!;
  }
}

/** The sum over ranks of one step, counted by the library's reader and nothing of the collector. */
export interface ExpectedLayer {
  tokens: number;
  /** By category, then expert. */
  counts: number[][];
  bias: number[];
  gateMass: number[];
}

/** @param members of the job whose messages are added up */
export function expectedStep(messages: JobMessages, members: readonly number[], step: number): ExpectedLayer[] {
  const sums: ExpectedLayer[] = Array.from({ length: layers }, () => ({
    ...{ tokens: 0, counts: [], bias: [] },
    gateMass: Array(experts).fill(0),
  }));
  for (const member of members) {
    for (const histogram of v1.Step.decode(messages.histograms(member, step)).histograms) {
      const sum = sums[histogram.layer!]!;
      sum.bias = [...histogram.selectionBias!];
      histogram.gateMass!.forEach((mass, expert) => {
        sum.gateMass[expert]! += mass;
      });
      for (const { category = 0, counts = [], tokens = 0 } of histogram.categories!) {
        sum.tokens += tokens;
        sum.counts[category] ??= Array(experts).fill(0);
        for (const [expert, count] of counts.entries()) sum.counts[category]![expert]! += count;
      }
    }
  }
  return sums;
}
