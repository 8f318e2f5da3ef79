// Hellos: which run is meant, whether it is the same as before, and its description stored before its first step.
import { v1 } from "@moescope/proto";
import { scalarNamesOf } from "../store/reading/scalar-names.ts";
import type { AnnotationTable } from "../store/runs/annotation-table.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { Store } from "../store/store.ts";
import type { Refusal } from "./refusal.ts";
import type { Senders } from "./senders.ts";
import { checkAnnotation, checkDescription, checkSameRun } from "./validate-description.ts";

export interface IntroductionsOptions {
  store: Store;
  runs: Runs;
  senders: Senders;
  annotations: AnnotationTable;
  /** Makes a run this collector's, where others share its store. */
  take: (run: string) => Promise<void>;
}

export class Introductions {
  readonly #options: IntroductionsOptions;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(options: IntroductionsOptions) {
    this.#options = options;
  }

  /**
   * One Hello after the other: of two that describe a new run differently, the second is refused.
   *
   * @returns why the run is refused, or undefined when it is known from now on
   * @throws when the store does not take what it says
   */
  introduce(hello: v1.Hello): Promise<Refusal | undefined> {
    const introduced = this.#previous.then(() => this.#introduce(hello));
    this.#previous = introduced.catch(() => undefined); // told to the one who said Hello
    return introduced;
  }

  /** Does something while nobody is introduced. */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#previous.then(work);
    this.#previous = done.catch(() => undefined); // told to the one who asked
    return done;
  }

  async #introduce({ run, rank, attempt, annotation }: v1.Hello): Promise<Refusal | undefined> {
    const sent = run ?? v1.RunDescription.create();
    const malformed = checkDescription(sent, rank) ?? (annotation ? checkAnnotation(annotation) : undefined);
    if (malformed !== undefined) return malformed;
    const { store, runs, annotations, take } = this.#options;
    await take(sent.id);
    const known = runs.description(sent.id);
    const refusal = known && checkSameRun(known, sent);
    if (refusal !== undefined) return refusal;
    await this.#rememberScalars(sent.id);
    if (runs.isNews(sent.id, attempt)) {
      await store.writeDescription(sent, attempt);
      runs.describe(sent, attempt, Date.now());
    }
    if (annotation && !runs.summary(sent.id)?.annotation) {
      await annotations.write(sent.id, annotation);
      runs.annotated(sent.id, annotation);
    }
    return undefined;
  }

  async #rememberScalars(run: string): Promise<void> {
    const { store, runs, senders } = this.#options;
    if (senders.scalarNames(run) !== undefined) return;
    const isNew = runs.description(run) === undefined;
    const stored = isNew ? undefined : await scalarNamesOf([run], store.database);
    senders.rememberScalars(run, stored?.get(run) ?? []);
  }
}
