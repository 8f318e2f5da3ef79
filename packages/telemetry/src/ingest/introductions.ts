// Hellos: which run is meant, whether it is the same as before, and its description stored before its first step.
import { v1 } from "@moescope/proto";
import pLimit from "p-limit";
import { scalarNamesOf } from "../store/reading/scalar-names.ts";
import type { AnnotationTable } from "../store/runs/annotation-table.ts";
import { type Described, describeLayersTwice, isContradiction, merged } from "../store/runs/merge-descriptions.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { Store } from "../store/store.ts";
import type { Refusal } from "./refusal.ts";
import type { Senders } from "./senders.ts";
import { checkAnnotation, checkDescription, contradicted } from "./validate-description.ts";

export interface IntroductionsOptions {
  store: Store;
  runs: Runs;
  senders: Senders;
  annotations: AnnotationTable;
  /** Makes a run this collector's, where others share its store. */
  take: (run: string) => Promise<void>;
}

/** Hellos whose descriptions are stored together: each may have a megabyte. */
const MOST_TOGETHER = 128;

/** A Hello that waits for its turn, with the description of its layers in full. */
interface Waiting {
  hello: v1.Hello & { run: v1.RunDescription };
  resolve: (refusal: Refusal | undefined) => void;
  reject: (error: unknown) => void;
}

/** What a group of Hellos adds to what is known. */
interface News {
  descriptions: Map<string, Described>;
  annotations: Map<string, v1.Annotation>;
}

export class Introductions {
  readonly #options: IntroductionsOptions;
  #waiting: Waiting[] = [];
  readonly #turns = pLimit(1);

  constructor(options: IntroductionsOptions) {
    this.#options = options;
  }

  /**
   * Hellos in the order they came in, those that waited for the store together: of two that describe a new run differently, the second is
   * refused.
   *
   * @returns why the run is refused, or undefined when it is known from now on
   * @throws when the store does not take what it says
   */
  async introduce(hello: v1.Hello): Promise<Refusal | undefined> {
    const run = hello.run ?? v1.RunDescription.create();
    const malformed = checkDescription(run, hello.rank) ?? (hello.annotation && checkAnnotation(hello.annotation));
    if (malformed) return malformed;
    const inFull = Object.assign(hello, { run: describeLayersTwice(run) });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ hello: inFull, resolve, reject });
      if (this.#waiting.length === 1) this.#introduceNext();
    });
  }

  /** Does something while nobody is introduced. */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#turns(work);
  }

  #introduceNext(): void {
    void this.alone(async () => {
      const group = this.#waiting.splice(0, MOST_TOGETHER);
      if (this.#waiting.length > 0) this.#introduceNext();
      await this.#introduceGroup(group);
    });
  }

  async #introduceGroup(group: readonly Waiting[]): Promise<void> {
    const taken = await this.#take(group);
    const news: News = { descriptions: new Map(), annotations: new Map() };
    const refusals = taken.map(({ hello }) => this.#compare(hello, news));
    const unstored = await this.#store(news);
    for (const [index, { hello, resolve, reject }] of taken.entries()) {
      // A refusal for what another Hello said holds only once that is stored.
      if (unstored?.runs.has(hello.run.id)) reject(unstored.error);
      else resolve(refusals[index]);
    }
  }

  /** Makes the runs this collector's. @returns those Hellos for which that worked */
  async #take(group: readonly Waiting[]): Promise<Waiting[]> {
    const taken: Waiting[] = [];
    for (const waiting of group) {
      try {
        await this.#options.take(waiting.hello.run.id);
        taken.push(waiting);
      } catch (error) {
        waiting.reject(error);
      }
    }
    try {
      await this.#rememberScalars(taken.map(({ hello }) => hello.run.id));
      return taken;
    } catch (error) {
      for (const { reject } of taken) reject(error);
      return [];
    }
  }

  async #rememberScalars(ids: readonly string[]): Promise<void> {
    const { store, runs, senders } = this.#options;
    const unknown = [...new Set(ids)].filter((id) => senders.scalarNames(id) === undefined);
    const older = unknown.filter((id) => runs.description(id) !== undefined);
    const stored = older.length === 0 ? undefined : await scalarNamesOf(older, store.database);
    for (const id of unknown) senders.rememberScalars(id, stored?.get(id) ?? []);
  }

  /** @param news takes in what the Hello adds to what is known */
  #compare({ run, rank, attempt, annotation }: Waiting["hello"], news: News): Refusal | undefined {
    const { runs } = this.#options;
    const sent = { description: run, attempt };
    const known = news.descriptions.get(run.id) ?? runs.described(run.id);
    const all = known === undefined ? sent : merged(known, sent);
    if (isContradiction(all)) return contradicted(run.id, all);
    // Layers that every rank describes for itself may be too many together.
    const refusal = all === known ? undefined : checkDescription(all.description, rank);
    if (refusal !== undefined) return refusal;
    if (all !== known) news.descriptions.set(run.id, all);
    if (annotation && !news.annotations.has(run.id) && !runs.summary(run.id)?.annotation) {
      news.annotations.set(run.id, annotation);
    }
    return undefined;
  }

  /** @returns the runs of which something could not be stored, and why */
  async #store({ descriptions, annotations }: News): Promise<{ runs: Set<string>; error: unknown } | undefined> {
    const { store, runs, annotations: table } = this.#options;
    const unstored = new Set([...descriptions.keys(), ...annotations.keys()]);
    try {
      if (descriptions.size > 0) await store.writeDescriptions([...descriptions.values()]);
      for (const described of descriptions.values()) runs.describe(described, Date.now());
      if (annotations.size > 0) await table.writeAll(annotations);
      for (const [run, annotation] of annotations) runs.annotated(run, annotation);
      return undefined;
    } catch (error) {
      return { runs: unstored, error };
    }
  }
}
