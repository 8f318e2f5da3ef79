// The load of every layer over the last steps that arrived: kept as ten blocks, each added up, so that it costs little memory.
import { addNumbers } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";

const BLOCKS = 10;

/** Of one layer, added up over categories, ranks and some steps. */
export interface LayerLoad {
  /** n_e of each expert. */
  load: number[];
  tokens: number;
  dropped: number;
}

type Layers = Map<number, LayerLoad>;

interface Block {
  firstStep: number;
  steps: number;
  layers: Layers;
}

export class LoadWindow {
  readonly #blockSteps: number;
  readonly #blocksWanted: number;
  readonly #blocks: Block[] = [];
  readonly #window: Layers = new Map();
  #growing: Block | undefined;

  /** @param steps length of the window, rounded up to whole blocks; at least 1 */
  constructor(steps: number) {
    this.#blockSteps = Math.ceil(steps / BLOCKS);
    this.#blocksWanted = Math.ceil(steps / this.#blockSteps);
  }

  /** @returns whether the window has moved and is full: time to measure it */
  add({ firstStep, layers }: v1.StepBucket): boolean {
    this.#growing ??= { firstStep, steps: 0, layers: new Map() };
    // Of a single step the largest load is the load.
    for (const { layer, countsMax, tokens, dropped } of layers) {
      addTo(this.#growing.layers, layer, { load: countsMax, tokens, dropped }, 1);
    }
    if (++this.#growing.steps < this.#blockSteps) return false;
    this.#move(this.#growing);
    this.#growing = undefined;
    return this.#blocks.length === this.#blocksWanted;
  }

  /** The whole window, by layer; changes with the next step. */
  layers(): ReadonlyMap<number, LayerLoad> {
    return this.#window;
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

  /** Counts are whole numbers, so that adding and subtracting loses nothing. */
  #move(newest: Block): void {
    this.#blocks.push(newest);
    for (const [layer, load] of newest.layers) addTo(this.#window, layer, load, 1);
    const oldest = this.#blocks.length > this.#blocksWanted ? this.#blocks.shift() : undefined;
    for (const [layer, load] of oldest?.layers ?? []) addTo(this.#window, layer, load, -1);
  }
}

function addTo(layers: Layers, layer: number, part: LayerLoad, sign: 1 | -1) {
  let sum = layers.get(layer);
  if (sum === undefined) {
    sum = { load: [], tokens: 0, dropped: 0 };
    layers.set(layer, sum);
  }
  // A step without any token of the layer has no number for its experts.
  if (sign === 1) sum.load = addNumbers(sum.load, part.load);
  else for (let expert = 0; expert < part.load.length; expert++) sum.load[expert]! -= part.load[expert]!;
  sum.tokens += sign * part.tokens;
  sum.dropped += sign * part.dropped;
}
