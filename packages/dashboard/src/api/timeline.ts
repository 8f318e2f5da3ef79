// One run's history kept at screen resolution while live steps arrive: the collector's pyramid, continued in the browser.
import { sumBuckets, withoutExperts } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";

type Bucket = v1.StepBucket.$Properties;

const POSITION = ["firstStep", "lastStep", "steps", "attempt"] as const;

/**
 * Buckets of a power-of-two width, anchored at step 0. Holds at most twice `points` buckets: beyond that the width doubles, as the
 * collector would have chosen it, so a run may go on for ever in constant memory.
 */
export class Timeline {
  #buckets: Bucket[] = [];
  #width = 1;

  /** @param points number of buckets aimed at */
  constructor(readonly points: number) {}

  /** Steps in one bucket. */
  get width(): number {
    return this.#width;
  }

  /** In order of their steps. A bucket is never changed in place: the same object means the same content. */
  get buckets(): readonly Bucket[] {
    return this.#buckets;
  }

  /** Newest step held; −1 when there is none. */
  get lastStep(): number {
    return this.#buckets.at(-1)?.lastStep ?? -1;
  }

  /** Replaces everything by what the collector answered. */
  load(history: v1.History): void {
    this.#buckets = [...history.buckets];
    this.#width = history.bucketWidth || 1;
  }

  /**
   * Takes layers in the place of the same ones here; those of before keep their metrics alone.
   *
   * @param history answered with `metrics=chosen`
   * @returns false, and changes nothing, when its buckets are not those that are here
   */
  takeLayers({ bucketWidth, buckets }: v1.History): boolean {
    const same = (here: Bucket, there: Bucket) => POSITION.every((field) => (here[field] ?? 0) === (there[field] ?? 0));
    const fits = bucketWidth === this.#width && buckets.length === this.#buckets.length;
    if (!fits || !this.#buckets.every((here, place) => same(here, buckets[place]!))) return false;
    this.#buckets = this.#buckets.map((here, place) => {
      const taken = new Map(buckets[place]!.layers!.map((layer) => [layer.layer ?? 0, layer]));
      return { ...here, layers: here.layers?.map((layer) => taken.get(layer.layer ?? 0) ?? withoutExperts(layer)) };
    });
    return true;
  }

  /**
   * Takes a live step.
   *
   * @param consecutive whether the split has every step, so that a missing one can be noticed
   * @returns `appended`, or why nothing was changed: `known` is in the timeline already; after a `gap` (steps before it are missing),
   *   when `rewound` (a new attempt began at an earlier step), and when ranks are `late` whose step is in a sum here, history has to be
   *   fetched again
   */
  append(step: Bucket, consecutive: boolean): "appended" | "known" | "gap" | "rewound" | "late" {
    const index = step.firstStep ?? 0;
    const last = this.#buckets.at(-1);
    if (index <= this.lastStep) return (step.attempt ?? 0) > (last?.attempt ?? 0) ? "rewound" : this.#takeAgain(step);
    if (consecutive && index > this.lastStep + 1) return "gap";
    this.#add(step);
    if (this.#buckets.length > 2 * this.points) this.#double();
    return "appended";
  }

  /** A step that came before, from fewer ranks perhaps. */
  #takeAgain(step: Bucket): "appended" | "known" | "late" {
    const place = this.#buckets.findIndex((bucket) => this.#slot(bucket) === this.#slot(step));
    const known = this.#buckets[place];
    if (known === undefined || (known.attempt ?? 0) !== (step.attempt ?? 0) || (known.ranks ?? 0) >= (step.ranks ?? 0))
      return "known";
    if (known.steps !== 1) return "late";
    this.#buckets[place] = step;
    return "appended";
  }

  #add(bucket: Bucket): void {
    const last = this.#buckets.at(-1);
    if (last !== undefined && this.#slot(last) === this.#slot(bucket)) {
      this.#buckets[this.#buckets.length - 1] = sumBuckets([last, bucket])!;
    } else {
      this.#buckets.push(bucket);
    }
  }

  #double(): void {
    const before = this.#buckets;
    this.#width *= 2;
    this.#buckets = [];
    for (const bucket of before) this.#add(bucket);
  }

  #slot(bucket: Bucket): number {
    return Math.floor((bucket.firstStep ?? 0) / this.#width);
  }
}
