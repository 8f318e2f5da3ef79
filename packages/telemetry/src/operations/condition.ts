// Whether the collector takes in runs, told to everyone who asks: HTTP's /readyz, gRPC's health service, Prometheus.
import type { Health } from "./health.ts";

export class Condition {
  readonly #health: Health;
  #storeFails = false;
  #disk: string | undefined;
  #stopping = false;

  constructor(health: Health) {
    this.#health = health;
  }

  /** @param fails whether the last write to the store failed */
  storeAnswers(fails: boolean): void {
    this.#storeFails = fails;
    this.#tell();
  }

  /** @param trouble why the disk takes no more; undefined when it does */
  diskIs(trouble: string | undefined): void {
    this.#disk = trouble;
    this.#tell();
  }

  /** For good. */
  stops(): void {
    this.#stopping = true;
    this.#tell();
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Why runs are not taken in; undefined when they are. */
  get trouble(): string | undefined {
    if (this.#stopping) return "the collector is stopping";
    if (this.#disk !== undefined) return this.#disk;
    return this.#storeFails ? "the store refuses data; the collector tries again, and its log says why" : undefined;
  }

  #tell(): void {
    this.#health.set(this.trouble === undefined);
  }
}
