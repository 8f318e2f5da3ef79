// Bounds how many names the scalars of a run have over its life. A run that makes new ones with every step would make its history grow
// without end; refusing those steps would lose their histograms, so the scalars that are one too many are left out, counted and logged.
import { LIMITS, type v1 } from "@moescope/proto";

export class ScalarNames {
  readonly #names: Set<string>;
  #saidSo = false;

  /** @param stored names that the run's steps have had */
  constructor(stored: Iterable<string> = []) {
    this.#names = new Set(stored);
  }

  /**
   * Leaves the scalars out of a step whose names the run has no room for.
   *
   * @returns how many, and whether it is the first time
   */
  bound(step: v1.Step): { leftOut: number; first: boolean } {
    if (step.scalars.every(({ name }) => this.#takes(name))) return { leftOut: 0, first: false };
    const kept = step.scalars.filter(({ name }) => this.#names.has(name));
    const leftOut = step.scalars.length - kept.length;
    step.scalars = kept;
    const first = !this.#saidSo;
    this.#saidSo = true;
    return { leftOut, first };
  }

  #takes(name: string): boolean {
    if (this.#names.has(name)) return true;
    if (this.#names.size >= LIMITS.scalarNames.most) return false;
    this.#names.add(name);
    return true;
  }
}
