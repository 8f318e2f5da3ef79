// The load of every layer over the last steps that arrived: kept as ten blocks, each added up, so that it costs little memory.
import { sumHistograms } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";

const BLOCKS = 10;

/** Of one layer, added up over categories, ranks and some steps. */
export interface LayerLoad {
  /** n_e of each expert. */
  load: ArrayLike<number>;
  tokens: number;
  dropped: number;
}

interface Block {
  firstStep: number;
  steps: number;
  layers: Map<number, LayerLoad>;
}

export class LoadWindow {
  readonly #blockSteps: number;
  readonly #blocksWanted: number;
  #blocks: Block[] = [];
  #growing: Block | undefined;

  /** @param steps length of the window, rounded up to whole blocks; at least 1 */
  constructor(steps: number) {
    this.#blockSteps = Math.ceil(steps / BLOCKS);
    this.#blocksWanted = Math.ceil(steps / this.#blockSteps);
  }

  /** @returns whether the window has moved and is full: time to measure it */
  add(step: v1.StepBucket): boolean {
    this.#growing = withStep(this.#growing, step);
    if (this.#growing.steps < this.#blockSteps) return false;
    this.#blocks = [...this.#blocks, this.#growing].slice(-this.#blocksWanted);
    this.#growing = undefined;
    return this.#blocks.length === this.#blocksWanted;
  }

  /** The whole window, by layer. */
  layers(): Map<number, LayerLoad> {
    const layers = this.#blocks.at(-1)!.layers.keys();
    return new Map([...layers].map((layer) => [layer, added(this.#blocks.flatMap((b) => b.layers.get(layer) ?? []))]));
  }

  /** @returns first step of the newest blocks that this holds for without a break; the window's first step when of none */
  beganAt(layer: number, holds: (part: LayerLoad) => boolean): number {
    let began = this.#blocks[0]!.firstStep;
    for (const { firstStep, layers } of this.#blocks.toReversed()) {
      const part = layers.get(layer);
      if (part === undefined || !holds(part)) break;
      began = firstStep;
    }
    return began;
  }
}

function withStep(block: Block | undefined, step: v1.StepBucket): Block {
  const layers = step.layers.map(({ layer, countsMax, tokens, dropped }): [number, LayerLoad] => {
    // Of a single step the largest load is the load.
    const arrived = { load: countsMax, tokens, dropped };
    const before = block?.layers.get(layer);
    return [layer, before === undefined ? arrived : added([before, arrived])];
  });
  return { firstStep: block?.firstStep ?? step.firstStep, steps: (block?.steps ?? 0) + 1, layers: new Map(layers) };
}

function added(parts: readonly LayerLoad[]): LayerLoad {
  return {
    load: sumHistograms(parts.map(({ load }) => load)),
    tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
    dropped: parts.reduce((sum, { dropped }) => sum + dropped, 0),
  };
}
