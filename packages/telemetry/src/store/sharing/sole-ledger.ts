// The batches of the embedded engine: one collector has it, and claims nothing.
import { asNumber, DATABASE, type Database } from "../engine/database.ts";
import type { BatchLedger } from "./ledger.ts";

export class SoleLedger implements BatchLedger {
  readonly ownsAll = true;
  readonly epoch = 0;
  readonly #database: Database;
  /** The last that exists. */
  #last = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async load(): Promise<void> {
    const [row] = await this.#database.rows(`SELECT max(batch) FROM ${DATABASE}.streams`);
    this.#last = asNumber(row![0]);
  }

  get next(): number {
    return this.#last + 1;
  }

  /** One that exists, so that the rows do until the next batch is stored. */
  get spare(): number {
    return this.#last;
  }

  stored(batch: number): void {
    this.#last = batch;
  }

  existing(_run: string, last = this.#last): string {
    return `batch <= ${last}`;
  }

  exists(_run: string, batch: number): boolean {
    return batch <= this.#last;
  }

  unfinished(): string {
    return `batch > ${this.#last}`;
  }

  owns(): boolean {
    return true;
  }

  claim(run: string): Promise<never> {
    throw new Error(`run ${run} is claimed, but this collector has the store alone`);
  }

  own(): void {}

  async lost(): Promise<string[]> {
    return [];
  }

  async refresh(): Promise<string[]> {
    return [];
  }

  forget(): void {}
}
