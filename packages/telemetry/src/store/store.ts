// The store: opens and migrates the database, writes batches exactly once, says how far each stream is stored.
//
// A batch is rows in several tables. Its rows in `streams` are written last and in one insert; from then on the batch exists.
// - Buckets of steps that a batch completes are rolled up before its mark is written, so they exist with it.
// - An insert that failed is tried again as it was, with the same token: what had been stored is recognised and not stored twice.
// - A process killed in between leaves rows of a batch that does not exist. Readers never see them, opening the store deletes them,
//   and their senders, who got no acknowledgement, send those messages again. Tokens carry an id of this process, because the
//   deleted rows' tokens are still known to the engine.
import { randomUUID } from "node:crypto";
import type { StepSum } from "@moescope/metrics";
import { layersOf, v1 } from "@moescope/proto";
import type { Logger } from "pino";
import { asNumber, type Block, DATABASE, type Database, type Insert, type QueryParameters } from "./engine/database.ts";
import { type Durability, durable, nameSync } from "./engine/durability.ts";
import { type StepPlace, storedRanks, storedSum } from "./reading/stored-ranks.ts";
import type { Described } from "./runs/merge-descriptions.ts";
import { migrate } from "./schema/migrate.ts";
import { blockWidth, type Sealed } from "./schema/pieces.ts";
import { BATCH_TABLES, type BatchTable, ROLLED_TABLES } from "./schema/schema.ts";
import { setTables } from "./schema/table-settings.ts";
import type { BatchLedger } from "./sharing/ledger.ts";
import { ledgerOf } from "./sharing/ledger-of.ts";
import { rollupBlocks } from "./writing/rolled-rows.ts";
import { rollUp } from "./writing/rollups.ts";
import { batchBlocks, blockOf, type Messages, type StreamMark, sealRows, streamRows } from "./writing/rows.ts";
import { RunningRollups } from "./writing/running-rollups.ts";
import { type AttemptExtent, type RollupTask, type Seal, Sealing, type SealingPlan } from "./writing/sealing.ts";
import { type Expiry, SingleSteps } from "./writing/single-steps.ts";
import { Splitters } from "./writing/split-counts.ts";

/** A batch as it is written, as often as it takes. Its rows may be made while the batch before it is written. */
export interface BatchRows {
  readonly number: number;
  readonly content: Messages;
  readonly blocks: Record<BatchTable, Block>;
  /** What goes to the engine, since the first try. */
  statements?: BatchStatements;
  /** Whether its rows in `streams` are stored: the batch exists, and cannot be left out any more. */
  marked: boolean;
}

interface BatchStatements {
  inserts: readonly Insert[];
  /** Its rows in `streams`. */
  mark: Insert;
  /** Rollups that the store is left to make. */
  plan: SealingPlan;
}

export interface StoreOptions {
  /** Steps of a run that are rolled up together; a multiple of 16. */
  rollUpEvery: number;
  /** Whether inserted rows are on the disk, or with the operating system, when an insert is done. */
  durability: Durability;
}

/** The runs that are asked for. */
export interface WhichRuns {
  /** Condition on the column `run`. */
  where: string;
  parameters: QueryParameters;
}

export const ALL_RUNS: WhichRuns = { where: "1", parameters: {} };

export class Store {
  readonly database: Database;
  readonly #singleSteps: SingleSteps;
  readonly #process = randomUUID();
  readonly #ranks = new Map<string, number>();
  readonly #sealing: Sealing;
  readonly #running = new RunningRollups();
  readonly #splitters = new Splitters();
  readonly #ledger: BatchLedger;
  readonly #log: Logger;
  #syncNames = async () => {};

  private constructor(database: Database, log: Logger, rollUpEvery: number) {
    this.database = database;
    this.#log = log;
    this.#ledger = ledgerOf(database);
    this.#singleSteps = new SingleSteps(database);
    this.#sealing = new Sealing((run) => this.#ranks.get(run) ?? 1, rollUpEvery, this.#ledger.ownsAll);
  }

  /** @throws Error when the store was written by a newer version, or cannot be opened */
  static async open(database: Database, log: Logger, { rollUpEvery, durability }: StoreOptions): Promise<Store> {
    const store = new Store(database, log, rollUpEvery);
    await migrate(database, log);
    await setTables(database, durable(durability));
    store.#syncNames = await nameSync(database, durability, "streams");
    await store.#ledger.load();
    await store.#singleSteps.load();
    if (store.ownsAll) await store.#takeOver();
    else await store.#loadOthers();
    return store;
  }

  /** @returns a condition that is true for the run's rows of batches that exist: a reader that keeps to it sees whole batches only */
  existing(run: string): string {
    return this.#ledger.existing(run);
  }

  /** Whether this collector stores every run: no other shares the store. */
  get ownsAll(): boolean {
    return this.#ledger.ownsAll;
  }

  /** Whether this collector stores the run. */
  owns(run: string): boolean {
    return this.#ledger.owns(run);
  }

  /**
   * Takes a run over from whichever collector stored it; no batch may be on its way, and `refresh` not at work. It is this collector's
   * once `own` is told.
   *
   * @param letGo told of other runs that turn out to be another collector's by now
   * @returns how far each of its streams is stored
   */
  async claim(run: string, letGo: (runs: readonly string[]) => void): Promise<StreamMark[]> {
    const { marks, known } = await this.#ledger.claim(run, letGo);
    if (known) await this.#takeOver(run);
    return marks;
  }

  /** This collector stores the run from now on. */
  own(run: string): void {
    this.#ledger.own(run);
  }

  /** Another collector stores the run from now on. */
  letGo(run: string): void {
    this.#forgetProgress(run);
  }

  /** Reads what other collectors have stored. @returns runs that they have added to, begun or deleted since the last time */
  async refresh(): Promise<string[]> {
    const changed = await this.#ledger.refresh();
    if (changed.length === 0) return [];
    await this.#singleSteps.load();
    for (const run of changed) {
      this.#forgetProgress(run);
      await this.#loadSeals(run);
    }
    return changed;
  }

  /** @returns those of the runs that another collector has taken over */
  lost(runs: readonly string[]): Promise<string[]> {
    return this.#ledger.lost(runs);
  }

  /** Which rollups of an attempt exist. */
  sealed(run: string, split: v1.Split, attempt: number): Sealed {
    return this.#sealing.sealed(run, split, attempt);
  }

  /** The highest step of an attempt that a rank has sent; −1 when it has sent none. */
  highestOfRank(step: StepPlace & { rank: number }): number {
    return this.#sealing.highestOfRank(step);
  }

  /** The highest step near this one that any rank has sent; no step between them is stored. */
  highestNear(step: StepPlace): number {
    return this.#sealing.highestNear(step);
  }

  /** @returns the ranks of those of the steps that any rank has sent */
  storedRanks(place: Omit<StepPlace, "step">, steps: readonly number[]): Promise<Map<number, Set<number>>> {
    return storedRanks(place, steps, { database: this.database, exists: this.existing(place.run) });
  }

  /** @returns the sum over the ranks of a step that are stored, of which there is at least one */
  storedSum(step: StepPlace, stored: ReadonlySet<number>, run: v1.RunDescription): Promise<StepSum> {
    const layers = layersOf(run).map(({ index }) => index);
    const selected = { ranks: run.ranks, layers };
    return storedSum(step, stored, selected, { database: this.database, exists: this.existing(step.run) });
  }

  /** The number of the batch that is written next. */
  get nextBatch(): number {
    return this.#ledger.next;
  }

  /** What was laid out of a run is not stored as it was. */
  forgetRunning(run: string): void {
    this.#running.forget(run);
  }

  /** Deletes what may be stored of a batch that is not written after all; its number is not used again. */
  async abandon({ number, statements }: BatchRows): Promise<void> {
    if (statements === undefined) return;
    await this.#deleteRows(`batch = ${number}`);
    this.#ledger.stored(number);
  }

  /** Training steps of an attempt before this one have expired: rollups alone hold their histograms. */
  singleFrom(run: string, attempt: number): number {
    return this.#singleSteps.from(run, attempt);
  }

  /** Every step of an attempt before this one is rolled up. */
  sealedUntil(run: string, split: v1.Split, attempt: number): number {
    return this.#sealing.sealedUntil({ run, split, attempt });
  }

  /** How far the training steps of every attempt go, and up to where they are rolled up. */
  trainedAttempts(): AttemptExtent[] {
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

  /**
   * Makes the rows of a batch, which is most of the work. Batches are laid out in the order in which they are written.
   *
   * @param before the batch that is being written
   */
  layOut(content: Messages, before?: BatchRows): BatchRows {
    const number = before === undefined ? this.#ledger.next : before.number + 1;
    const blocks = batchBlocks(number, content, this.#splitters, (run) => this.#ranks.get(run) ?? 1);
    for (const { message, sum } of content.steps) this.#keepRunning(message, sum);
    return { number, content, blocks, marked: false };
  }

  /** Rollups can be made of what is stored as well, so a step that this fails over is stored all the same. */
  #keepRunning(message: v1.Step, sum: StepSum): void {
    const stored = this.highestNear(message);
    const exponent = this.#sealing.exponent(message);
    try {
      this.#running.add(message, sum, { ranks: this.#ranks.get(message.run) ?? 1, stored, exponent });
    } catch (error) {
      const { run, rank, attempt, sequence } = message;
      this.#log.error({ error, run, rank, attempt, sequence }, "rollups of this attempt are made from the store");
      this.#running.leaveToStore(message);
    }
  }

  /** What a batch completes is known when the batch before it is written. */
  #statementsOf({ number, content, blocks }: BatchRows): BatchStatements {
    const steps = content.steps.map(({ message }) => message);
    const { tasks, seals } = this.#sealing.plan(steps, content.ends);
    const taken = tasks.map((task) => this.#running.take(task));
    const rolled = rollupBlocks(
      number,
      taken.flatMap(({ whole }) => whole),
    );
    const plan = { tasks: taken.flatMap(({ rest }) => rest), seals };
    const sealed = blockOf(sealRows(number, seals));
    const streams = blockOf(streamRows(number, this.#ledger.epoch, content.streams));
    const insert = (table: string, block: Block) => ({ table, block, token: `${this.#process}/${number}/${table}` });
    const inserts = Object.entries({ ...blocks, ...rolled, sealed }).map(([table, block]) => insert(table, block));
    return { inserts, plan, mark: insert("streams", streams) };
  }

  /**
   * Writes a batch; after a failure call it again with the same batch.
   *
   * @param begun called when the rows are on their way, which takes little of this process from then on
   * @returns runs that another collector has taken over: nothing of them in this batch is stored
   */
  async write(batch: BatchRows, begun?: () => void): Promise<ReadonlySet<string>> {
    batch.statements ??= this.#statementsOf(batch);
    const { plan } = batch.statements;
    if (!batch.marked) await this.#insert(batch.number, batch.statements, begun);
    batch.marked = true;
    await this.#syncNames();
    const lost = new Set(await this.#ledger.lost([...new Set(batch.content.streams.map(({ run }) => run))]));
    this.#ledger.stored(batch.number);
    for (const run of lost) this.#running.forget(run);
    for (const seal of plan.seals.filter(({ run }) => !lost.has(run))) this.#keepSeal(seal);
    return lost;
  }

  async #insert(number: number, { inserts, plan, mark }: BatchStatements, begun?: () => void): Promise<void> {
    if (plan.tasks.length === 0) {
      await this.database.insertAll(inserts, mark, begun);
      return;
    }
    await this.database.insertAll(inserts);
    await this.#rollUp(plan.tasks, number);
    await this.database.insertAll([], mark);
  }

  /** Steps whose seal is not known are read one by one, so a fault here takes nothing from the batch. */
  #keepSeal(seal: Seal): void {
    try {
      this.#sealing.seal(seal);
    } catch (error) {
      this.#log.error({ error, ...seal }, "rollups of these steps are not read before the next start");
    }
  }

  /** Stores descriptions of runs, each as of an attempt, in one insert; the newest attempt's is kept. */
  async writeDescriptions(described: readonly Described[]): Promise<void> {
    const columns = { run: "String", attempt: "UInt32", description: "String" } as const;
    const rows = described.map(({ description, attempt }) => {
      return [description.id, attempt, Buffer.from(v1.RunDescription.encode(description).finish()).toString("base64")];
    });
    await this.database.insert("runs", blockOf({ columns, rows }), randomUUID());
    for (const { description } of described) this.#ranks.set(description.id, description.ranks);
  }

  /**
   * Deletes every row of a run; nothing of it may be on its way into the store. Stopped half-way, it leaves a run that has lost some
   * of its steps and can be deleted again: what names the run goes last.
   */
  async deleteRun(run: string): Promise<void> {
    for (const table of [
      ...BATCH_TABLES,
      ...ROLLED_TABLES,
      "sealed",
      "expired",
      "alerts",
      "annotations",
      "streams",
      "runs",
    ]) {
      await this.database.runOnEach((own) => `DELETE FROM ${own}.${table} WHERE run = {run:String}`, { run });
    }
    this.#forgetProgress(run);
    this.#singleSteps.forget(run);
    this.#ledger.forget(run);
    this.#ranks.delete(run);
  }

  /** @returns how far each stream of these runs is stored; `rejected` counts all its rejected messages */
  async streamMarks({ where, parameters }: WhichRuns = ALL_RUNS): Promise<StreamMark[]> {
    const rows = await this.database.rows(
      `SELECT run, rank, attempt, max(sequence), sum(rejected), max(last_message_at)
       FROM ${DATABASE}.streams WHERE ${where} GROUP BY run, rank, attempt`,
      parameters,
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

  #forgetProgress(run: string): void {
    this.#sealing.forget(run);
    this.#running.forget(run);
  }

  async #rollUp(tasks: readonly RollupTask[], batch: number): Promise<void> {
    for (const task of tasks) {
      // Of buckets that a late step changes, and of batches that are written again, the rows come a second time.
      this.#sealing.doubt(task);
      const exists = this.#ledger.existing(task.run, batch);
      const ranks = this.#ranks.get(task.run) ?? 1;
      await rollUp(task, { ranks, batch, exists }, this.database);
    }
  }

  /** Brings a run, or without it every run, to where this collector can go on with it. */
  async #takeOver(run?: string): Promise<void> {
    await this.#deleteUnfinishedBatches(run);
    if (run !== undefined) {
      this.#forgetProgress(run);
      await this.#singleSteps.load();
    }
    await this.#loadRanks(run);
    await this.#loadSeals(run);
    await this.#loadHighest(run);
    await this.#rollUpMissing();
  }

  /** What readers need of runs that other collectors store. */
  async #loadOthers(): Promise<void> {
    await this.#loadRanks();
    await this.#loadSeals();
  }

  async #loadRanks(run?: string): Promise<void> {
    const where = run === undefined ? "1" : "run = {run:String}";
    const described = await this.database.rows(
      `SELECT description FROM ${DATABASE}.runs FINAL WHERE ${where}`,
      run === undefined ? {} : { run },
    );
    for (const [description] of described) {
      const { id, ranks } = v1.RunDescription.decode(Buffer.from(description as string, "base64"));
      this.#ranks.set(id, ranks);
    }
  }

  /** Blocks may be wider than those asked for here, never narrower. */
  async #loadHighest(run?: string): Promise<void> {
    const where = run === undefined ? "1" : `run = {run:String} AND ${this.existing(run)}`;
    const steps = await this.database.rows(
      `SELECT run, toInt8(split), attempt, rank, min(step), max(step), count() FROM ${DATABASE}.steps WHERE ${where}
       GROUP BY run, split, attempt, rank, intDiv(step, ${blockWidth(0)})`,
      run === undefined ? {} : { run },
    );
    for (const [run, ...numbers] of steps) {
      const [split, attempt, rank, first, last, count] = numbers.map(asNumber) as [
        ...[split: number, attempt: number, rank: number, first: number, last: number, count: number],
      ];
      this.#sealing.loaded({ run: run as string, split, attempt }, { rank, first, last, steps: count });
    }
  }

  async #loadSeals(run?: string): Promise<void> {
    const where = run === undefined ? "1" : "run = {run:String}";
    if (this.ownsAll) await this.#loadDoubts();
    // The newest of a block counts.
    const seals = await this.database.rows(
      `SELECT run, toInt8(split), attempt, start, until, batch, narrowest FROM ${DATABASE}.sealed WHERE ${where} ORDER BY batch`,
      run === undefined ? {} : { run },
    );
    for (const [run, ...numbers] of seals as [string, ...unknown[]][]) {
      const [split, attempt, from, until, batch, narrowest] = numbers.map(asNumber) as [
        ...[split: number, attempt: number, from: number, until: number, batch: number, narrowest: number],
      ];
      if (this.#ledger.exists(run, batch)) this.#sealing.seal({ run, split, attempt, from, until, narrowest });
    }
  }

  async #loadDoubts(): Promise<void> {
    const attempts = await this.database.rows(
      `SELECT run, toInt8(split), attempt FROM ${DATABASE}.rolled_steps
       GROUP BY run, split, attempt HAVING count() > uniqExact(width, step)`,
    );
    for (const [run, ...numbers] of attempts) {
      const [split, attempt] = numbers.map(asNumber) as [number, number];
      this.#sealing.doubt({ run: run as string, split, attempt });
    }
  }

  /** Rolls up what an earlier version stored. */
  async #rollUpMissing(): Promise<void> {
    const batch = this.#ledger.spare;
    for (const plan of this.#sealing.missing()) {
      this.#log.info({ ...plan.seals[0] }, "rolling up steps that were stored without");
      await this.#rollUp(plan.tasks, batch);
      await this.database.insert("sealed", blockOf(sealRows(batch, plan.seals)), randomUUID());
    }
    this.#ledger.stored(batch);
  }

  /** Of a run; without it of all. */
  async #deleteUnfinishedBatches(run?: string): Promise<void> {
    const unfinished = this.#ledger.unfinished(run);
    if (run === undefined) await this.#deleteRows(unfinished);
    else await this.#deleteRows(`run = {run:String} AND ${unfinished}`, { run });
  }

  async #deleteRows(where: string, parameters: QueryParameters = {}): Promise<void> {
    for (const table of [...BATCH_TABLES, ...ROLLED_TABLES, "sealed"]) {
      const [row] = await this.database.rows(`SELECT count() FROM ${DATABASE}.${table} WHERE ${where}`, parameters);
      const rows = asNumber(row![0]);
      if (rows === 0) continue;
      const statement = (own: string) =>
        `ALTER TABLE ${own}.${table} DELETE WHERE ${where} SETTINGS mutations_sync = 2`;
      await this.database.runOnEach(statement, parameters);
      this.#log.warn({ table, rows }, "deleted rows of a batch that was never acknowledged; its sender sends it again");
    }
  }
}
