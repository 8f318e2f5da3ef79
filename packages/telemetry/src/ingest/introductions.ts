// Hellos: which run is meant, whether it is the same as before, and its description stored before its first step.
import { v1 } from "@moescope/proto";
import type { AnnotationTable } from "../store/runs/annotation-table.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { Store } from "../store/store.ts";
import type { Refusal } from "./refusal.ts";
import { checkAnnotation, checkDescription, checkSameRun } from "./validate-description.ts";

export class Introductions {
  readonly #store: Store;
  readonly #runs: Runs;
  readonly #annotations: AnnotationTable;
  readonly #take: (run: string) => Promise<void>;
  #previous: Promise<unknown> = Promise.resolve();

  /** @param take makes a run this collector's, where others share its store */
  constructor(store: Store, runs: Runs, annotations: AnnotationTable, take: (run: string) => Promise<void>) {
    this.#store = store;
    this.#runs = runs;
    this.#annotations = annotations;
    this.#take = take;
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
    await this.#take(sent.id);
    const known = this.#runs.description(sent.id);
    const refusal = known && checkSameRun(known, sent);
    if (refusal !== undefined) return refusal;
    if (this.#runs.isNews(sent.id, attempt)) {
      await this.#store.writeDescription(sent, attempt);
      this.#runs.describe(sent, attempt, Date.now());
    }
    if (annotation && !this.#runs.summary(sent.id)?.annotation) {
      await this.#annotations.write(sent.id, annotation);
      this.#runs.annotated(sent.id, annotation);
    }
    return undefined;
  }
}
