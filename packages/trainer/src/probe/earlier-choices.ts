// What routers chose at earlier probes: how much of it has changed since, and how much of it was to stay.
import { churn, routerSaturation } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { NamedArray } from "../checkpoint/named-array.ts";

/** Of each MoE layer: int32 [T, K] row-major, −1 for none. */
export type LayerChoices = readonly Int32Array[];

/** Most earlier probes that saturation is measured for, because their choices are held in memory. */
const MOST_KEPT = 16;

export interface EarlierChoicesOptions {
  /** Steps between probes, and of the run. */
  every: number;
  steps: number;
  /** K. */
  choices: number;
  /** Indices of the MoE layers. */
  layers: readonly number[];
}

/** Keeps the choices of the newest probe, and those of at most 16 evenly spaced ones until the end of the run. */
export class EarlierChoices {
  readonly #options: EarlierChoicesOptions;
  /** Steps between probes that are kept to the end. */
  readonly #spacing: number;
  readonly #byStep = new Map<number, LayerChoices>();

  constructor(options: EarlierChoicesOptions) {
    const { every, steps } = options;
    this.#options = options;
    let spacing = every;
    while (Math.floor(steps / spacing) > MOST_KEPT) spacing *= 2;
    this.#spacing = spacing;
  }

  /** @returns share of the choices of each layer that differ from those of the newest probe; nothing before the first */
  churn(now: LayerChoices): number[] {
    const before = this.#byStep.get(this.#newest());
    if (!before) return [];
    return now.map((choices, index) => churn(before[index]!, choices, this.#options.choices).choices);
  }

  /** @returns for each layer, how much of the final choices each earlier probe had; nothing before the second probe */
  saturation(final: LayerChoices): v1.RouterSaturation.$Properties[] {
    const { layers, choices } = this.#options;
    const earlier = [...this.#byStep].sort(([a], [b]) => a - b);
    if (earlier.length === 0) return [];
    return layers.map((layer, index) => ({
      layer,
      earlierStep: earlier.map(([step]) => step),
      share: earlier.map(([, before]) => routerSaturation(before[index]!, final[index]!, choices)),
    }));
  }

  add(step: number, choices: LayerChoices): void {
    const newest = this.#newest();
    if ((newest + 1) % this.#spacing !== 0) this.#byStep.delete(newest);
    this.#byStep.set(step, choices);
  }

  /** Everything that is kept, as `step/layer`; numbers of experts are exact as 32-bit floats. */
  state(): NamedArray[] {
    return [...this.#byStep].flatMap(([step, layers]) =>
      layers.map((choices, index) => {
        return { name: `${step}/${index}`, shape: [choices.length], values: Float32Array.from(choices) };
      }),
    );
  }

  /** @param state what `state` gave; layers of a step may come in any order */
  restore(state: readonly NamedArray[]): void {
    for (const { name, values } of state) {
      const [step, layer] = name.split("/").map(Number) as [number, number];
      const layers = [...(this.#byStep.get(step) ?? [])];
      layers[layer] = Int32Array.from(values);
      this.#byStep.set(step, layers);
    }
  }

  /** Step of the newest probe; −1 before the first. */
  #newest(): number {
    return Math.max(-1, ...this.#byStep.keys());
  }
}
