// The store: opens and migrates the database, writes batches exactly once, says how far each stream is stored.
//
// A batch is rows in several tables. Its rows in `streams` are written last and in one insert; from then on the batch exists.
// - Buckets of steps that a batch completes are rolled up before its mark is written, so they exist with it.
// - An insert that failed is tried again as it was, with the same token: what had been stored is recognised and not stored twice.
// - A process killed in between leaves rows of a batch that does not exist. Readers never see them, opening the store deletes them,
//   and their senders, who got no acknowledgement, send those messages again. Tokens carry an id of this process, because the
//   deleted rows' tokens are still known to the engine.
import { randomUUID } from "node:crypto";
import { v1 } from "@moescope/proto";
import type { Logger } from "pino";
import { asNumber, type Block, DATABASE, type Database } from "./database.ts";
import { type Durability, makeDurable } from "./durability.ts";
import { rollUp } from "./rollups.ts";
import { type BatchContent, batchRows, blockOf, type StreamMark, sealRows, streamRows } from "./rows.ts";
import { BATCH_TABLES, MIGRATIONS, ROLLED_TABLES } from "./schema.ts";
import { type Seal, Sealing, type SealingPlan } from "./sealing.ts";
import { type Expiry, SingleSteps } from "./single-steps.ts";

/** A batch ready to be written, as often as it takes. */
export interface PreparedBatch {
  number: number;
  tables: { table: string; block: Block }[];
  steps: readonly v1.Step[];
  plan: SealingPlan;
  /** Its rows in `streams`. */
  mark: Block;
}

export interface StoreOptions {
  /** Steps of a run that are rolled up together; a multiple of 16. */
  rollUpEvery: number;
  /** Whether inserted rows are on the disk, or with the operating system, when an insert is done. */
  durability: Durability;
}

export class Store {
  readonly database: Database;
  readonly #singleSteps: SingleSteps;
  readonly #process = randomUUID();
  readonly #ranks = new Map<string, number>();
  readonly #sealing: Sealing;
  #committedBatch = 0;

  private constructor(database: Database, rollUpEvery: number) {
    this.database = database;
    this.#singleSteps = new SingleSteps(database);
    this.#sealing = new Sealing((run) => this.#ranks.get(run) ?? 1, rollUpEvery);
  }

  /** @throws Error when the store was written by a newer version, or cannot be opened */
  static async open(database: Database, log: Logger, { rollUpEvery, durability }: StoreOptions): Promise<Store> {
    const store = new Store(database, rollUpEvery);
    await store.#migrate(log);
    await makeDurable(database, durability);
    const [row] = await database.rows(`SELECT max(batch) FROM ${DATABASE}.streams`);
    store.#committedBatch = asNumber(row![0]);
    await store.#deleteUnfinishedBatches(log);
    await store.#singleSteps.load();
    await store.#loadProgress();
    await store.#rollUpMissing(log);
    return store;
  }

  /** Rows of later batches do not exist yet: a reader that keeps to this number sees whole batches only. */
  get committedBatch(): number {
    return this.#committedBatch;
  }

  /** Every rollup of an attempt that ends at or before this step exists. */
  sealed(run: string, split: v1.Split, attempt: number): number {
    return this.#sealing.sealed(run, split, attempt);
  }

  /** Training steps of an attempt before this one have expired: rollups alone hold their histograms. */
  singleFrom(run: string, attempt: number): number {
    return this.#singleSteps.from(run, attempt);
  }

  /** @returns of every attempt the highest training step, and up to where it is rolled up */
  trainedAttempts(): { run: string; attempt: number; highest: number; sealed: number }[] {
    return this.#sealing.attempts(v1.Split.TRAIN);
  }

  /** Marks training steps as expired; not while a batch is prepared or written. */
  async expire(expiries: readonly Expiry[]): Promise<void> {
    await this.#singleSteps.expire(expiries, randomUUID());
  }

  /** Goes on with deleting the rows of expired steps. @returns whether all are deleted */
  deleteExpired(): Promise<boolean> {
    return this.#singleSteps.deleteExpired();
  }

  /** One batch is prepared and written at a time. */
  prepare(content: BatchContent): PreparedBatch {
    const number = this.#committedBatch + 1;
    const rows = batchRows(number, content);
    const tables = BATCH_TABLES.map((table) => ({ table: table as string, block: blockOf(rows[table]) }));
    const steps = content.steps.map(({ message }) => message);
    const mark = blockOf(streamRows(number, content.streams));
    return { number, tables, steps, plan: this.#sealing.plan(steps), mark };
  }

  /** Writes a batch; after a failure call it again with the same batch. */
  async write(batch: PreparedBatch): Promise<void> {
    const { number, tables, steps, plan, mark } = batch;
    for (const { table, block } of tables) await this.#insert(table, block, number);
    await this.#rollUp(plan, number);
    await this.#insert("streams", mark, number);
    for (const step of steps) this.#sealing.seen(step);
    for (const seal of plan.seals) this.#sealing.seal(seal);
    this.#committedBatch = number;
  }

  /** Stores a run's description as of an attempt; the newest attempt's is kept. */
  async writeDescription(description: v1.RunDescription, attempt: number): Promise<void> {
    const encoded = Buffer.from(v1.RunDescription.encode(description).finish()).toString("base64");
    const columns = { run: "String", attempt: "UInt32", description: "String" } as const;
    await this.database.insert("runs", blockOf({ columns, rows: [[description.id, attempt, encoded]] }), randomUUID());
    this.#ranks.set(description.id, description.ranks);
  }

  /**
   * Deletes every row of a run; nothing of it may be on its way into the store. Stopped half-way, it leaves a run that has lost some
   * of its steps and can be deleted again: what names the run goes last.
   */
  async deleteRun(run: string): Promise<void> {
    for (const table of [...BATCH_TABLES, ...ROLLED_TABLES, "sealed", "expired", "alerts", "streams", "runs"]) {
      await this.database.run(`DELETE FROM ${DATABASE}.${table} WHERE run = {run:String}`, { run });
    }
    this.#sealing.forget(run);
    this.#singleSteps.forget(run);
    this.#ranks.delete(run);
  }

  /** @returns how far each stream is stored; `rejected` counts all its rejected messages */
  async streamMarks(): Promise<StreamMark[]> {
    const rows = await this.database.rows(
      `SELECT run, rank, attempt, max(sequence), sum(rejected), max(last_message_at)
       FROM ${DATABASE}.streams GROUP BY run, rank, attempt`,
    );
    return rows.map(([run, rank, attempt, sequence, rejected, lastMessageAt]) => ({
      run: run as string,
      rank: asNumber(rank),
      attempt: asNumber(attempt),
      sequence: asNumber(sequence),
      rejected: asNumber(rejected),
      lastMessageAt: asNumber(lastMessageAt),
    }));
  }

  async #insert(table: string, block: Block, batch: number): Promise<void> {
    await this.database.insert(table, block, `${this.#process}/${batch}/${table}`);
  }

  async #rollUp({ tasks, seals }: SealingPlan, batch: number): Promise<void> {
    for (const task of tasks) await rollUp(task, this.#ranks.get(task.run) ?? 1, batch, this.database);
    await this.#insert("sealed", blockOf(sealRows(batch, seals)), batch);
  }

  async #loadProgress(): Promise<void> {
    for (const [description] of await this.database.rows(`SELECT description FROM ${DATABASE}.runs FINAL`)) {
      const { id, ranks } = v1.RunDescription.decode(Buffer.from(description as string, "base64"));
      this.#ranks.set(id, ranks);
    }
    const steps = await this.database.rows(
      `SELECT run, toInt8(split), attempt, rank, max(step) FROM ${DATABASE}.steps GROUP BY run, split, attempt, rank`,
    );
    for (const [run, ...numbers] of steps) {
      const [split, attempt, rank, step] = numbers.map(asNumber) as [number, number, number, number];
      this.#sealing.seen({ run: run as string, split, attempt, rank, step });
    }
    const seals = await this.database.rows(
      `SELECT run, toInt8(split), attempt, max(until) FROM ${DATABASE}.sealed GROUP BY run, split, attempt`,
    );
    for (const [run, ...numbers] of seals) {
      const [split, attempt, until] = numbers.map(asNumber) as [number, number, number];
      this.#sealing.seal({ run: run as string, split, attempt, until } satisfies Seal);
    }
  }

  /** Rolls up what an earlier version stored. */
  async #rollUpMissing(log: Logger): Promise<void> {
    for (const plan of this.#sealing.missing()) {
      log.info({ ...plan.seals[0] }, "rolling up steps that were stored without");
      await this.#rollUp(plan, this.#committedBatch);
    }
  }

  async #migrate(log: Logger): Promise<void> {
    await this.database.run(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`);
    await this.database.run(
      `CREATE TABLE IF NOT EXISTS ${DATABASE}.migrations (version UInt32, applied_at DateTime) ENGINE = MergeTree ORDER BY version`,
    );
    const [row] = await this.database.rows(`SELECT max(version) FROM ${DATABASE}.migrations`);
    const found = asNumber(row![0]);
    const newest = MIGRATIONS.at(-1)!.version;
    if (found > newest) {
      throw new Error(
        `the store has schema version ${found}, written by a newer moescope; this one knows versions up to ${newest}`,
      );
    }
    for (const { version, statements } of MIGRATIONS.filter((migration) => migration.version > found)) {
      for (const statement of statements) await this.database.run(qualified(statement));
      await this.database.run(`INSERT INTO ${DATABASE}.migrations VALUES (${version}, now())`);
      log.info({ version }, "store migrated");
    }
  }

  async #deleteUnfinishedBatches(log: Logger): Promise<void> {
    for (const table of [...BATCH_TABLES, ...ROLLED_TABLES, "sealed"]) {
      const where = `batch > ${this.#committedBatch}`;
      const [row] = await this.database.rows(`SELECT count() FROM ${DATABASE}.${table} WHERE ${where}`);
      const rows = asNumber(row![0]);
      if (rows === 0) continue;
      await this.database.run(`ALTER TABLE ${DATABASE}.${table} DELETE WHERE ${where} SETTINGS mutations_sync = 2`);
      log.warn({ table, rows }, "deleted rows of a batch that was never acknowledged; its sender sends it again");
    }
  }
}

/** A statement of a migration, with the database before the name of its table. */
export function qualified(statement: string): string {
  return statement.replace(/^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) /, `$1 ${DATABASE}.`);
}
