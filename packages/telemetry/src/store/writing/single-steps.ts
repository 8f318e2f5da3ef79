// Which training steps are stored one by one. Older ones have expired: their histograms are in rollups alone.
//
// A step expires in two stages. First it is marked, which is durable: from then on readers use rollups and nothing late is taken in.
// Its rows are deleted a while later, when no answer that was begun before can still be reading them.
import { asNumber, DATABASE, type Database, select } from "../engine/database.ts";
import { blockOf } from "./rows.ts";

/** Training steps of an attempt before step `until` have expired; a multiple of the narrowest rollup's width. */
export interface Expiry {
  run: string;
  attempt: number;
  until: number;
}

/** What a step has most of. Its scalars stay. */
const TABLES = ["routing", "gates", "layers"];

const COLUMNS = { run: "String", attempt: "UInt32", until: "UInt64" } as const;

export class SingleSteps {
  readonly #database: Database;
  readonly #expired = new Map<string, Expiry>();
  /** Marked, and not yet deleted. */
  #toDelete: Expiry[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /** Reads what has expired; whether its rows were all deleted is not known, so they are deleted again. */
  async load(): Promise<void> {
    const rows = await this.#database.rows(
      `SELECT run, attempt, max(until) FROM ${DATABASE}.expired GROUP BY run, attempt`,
    );
    for (const [run, attempt, until] of rows) {
      this.#keep({ run: run as string, attempt: asNumber(attempt), until: asNumber(until) });
    }
  }

  /** The first training step of an attempt that is stored by itself, when all before it have expired. */
  from(run: string, attempt: number): number {
    return this.#expired.get(keyOf({ run, attempt }))?.until ?? 0;
  }

  /** Marks steps as expired; rollups of all of them must exist, and no batch may be on its way. */
  async expire(expiries: readonly Expiry[], token: string): Promise<void> {
    const rows = expiries.map(({ run, attempt, until }) => [run, attempt, until]);
    await this.#database.insert("expired", blockOf({ columns: COLUMNS, rows }), token);
    for (const expiry of expiries) this.#keep(expiry);
  }

  /**
   * Has the rows of marked steps deleted, in the background of the engine.
   *
   * @returns whether there is nothing left to do; while the engine still works on an earlier deletion no other is begun
   */
  async deleteExpired(): Promise<boolean> {
    if (this.#toDelete.length === 0) return true;
    if (await this.#deleting()) return false;
    for (const expiry of [...this.#toDelete]) {
      const begun = await this.#beginToDelete(expiry);
      this.#toDelete = this.#toDelete.filter((other) => other !== expiry);
      if (begun) return false;
    }
    return true;
  }

  /** The run has been deleted. */
  forget(run: string): void {
    for (const [key, expiry] of this.#expired) if (expiry.run === run) this.#expired.delete(key);
    this.#toDelete = this.#toDelete.filter((expiry) => expiry.run !== run);
  }

  /** @returns whether there were any rows */
  async #beginToDelete({ run, attempt, until }: Expiry): Promise<boolean> {
    const where = `run = {run:String} AND split = 'TRAIN' AND attempt = ${attempt} AND step < ${until}`;
    let begun = false;
    for (const table of TABLES) {
      const rows = await this.#database.rows(`SELECT 1 FROM ${DATABASE}.${table} WHERE ${where} LIMIT 1`, { run });
      if (rows.length === 0) continue;
      begun = true;
      await this.#database.runOnEach((own) => `ALTER TABLE ${own}.${table} DELETE WHERE ${where}`, { run });
    }
    return begun;
  }

  #keep(expiry: Expiry): void {
    if (this.from(expiry.run, expiry.attempt) >= expiry.until) return;
    this.#expired.set(keyOf(expiry), expiry);
    this.#toDelete = [...this.#toDelete.filter((other) => keyOf(other) !== keyOf(expiry)), expiry];
  }

  async #deleting(): Promise<boolean> {
    const tables = TABLES.map((table) => `'${table}'`).join(", ");
    for (const { client, database } of this.#database.servers) {
      const [row] = await select(
        client,
        `SELECT count() FROM system.mutations WHERE database = '${database}' AND table IN (${tables}) AND NOT is_done`,
      );
      if (asNumber(row![0]) > 0) return true;
    }
    return false;
  }
}

function keyOf({ run, attempt }: Omit<Expiry, "until">): string {
  return `${run}/${attempt}`;
}
