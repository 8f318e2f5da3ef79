// The batches of a store that several collectors share, and which of them stores a run.
//
// A run belongs to one collector at a time: to the one with its highest claim. A claim has an epoch, higher than any before it, and
// batches are numbered epoch by epoch. A claim also says after which batch of the run it begins: what an earlier owner still writes
// beyond that does not exist. Two rules keep owner and claimant from missing each other, whatever stalls in between:
// - who claims writes the claim first and reads the run's marks then; who stores writes the marks first and reads the claims then,
//   and acknowledges nothing of a run that was claimed. So what was acknowledged is among the marks that the claimant reads.
// - an epoch is used only when no other collector has one as high, and after the collector has let go of runs that were claimed before.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { asNumber, DATABASE, type Database } from "../engine/database.ts";
import type { Columns } from "../engine/native.ts";
import { blockOf, type StreamMark, streamRows } from "../writing/rows.ts";
import type { BatchLedger } from "./ledger.ts";

/** A collector that stores a thousand batches a second for eleven days must claim a run in between: every new run is a claim. */
const BATCHES_OF_EPOCH = 2 ** 30;
/** Batch numbers stay below 2^53. */
const LAST_EPOCH = 2 ** 23 - 1;

/** Of collectors that claim at once, the one with the highest epoch goes on; they rarely choose the same. */
const EPOCHS_TO_CHOOSE_FROM = 8;

interface Claim {
  epoch: number;
  /** The claim whose marks it goes on from. One that was announced in between and came to nothing is left out like this. */
  follows: number;
  /** The last batch of the run that existed before. */
  after: number;
}

const CLAIM_COLUMNS: Columns = {
  ...{ run: "String", epoch: "UInt32", follows: "UInt32", collector: "String", after: "UInt64", ready: "UInt32" },
};

/** What came before the first claim. */
const UNCLAIMED: Claim = { epoch: 0, follows: 0, after: 0 };

/** Where the batches of a run have got to in the store. */
interface Extent {
  claims: Claim[];
  /** The last batch that exists. */
  last: number;
}

export class ClaimedLedger implements BatchLedger {
  readonly ownsAll = false;
  readonly #database: Database;
  readonly #collector = randomUUID();
  readonly #extents = new Map<string, Extent>();
  readonly #owned = new Set<string>();
  #epoch = 0;
  /** The last batch that this collector stored. */
  #stored = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async load(): Promise<void> {
    await this.refresh();
  }

  get next(): number {
    return Math.max(this.#stored, this.#epoch * BATCHES_OF_EPOCH) + 1;
  }

  get spare(): number {
    return this.next;
  }

  get epoch(): number {
    return this.#epoch;
  }

  stored(batch: number): void {
    this.#stored = batch;
  }

  owns(run: string): boolean {
    return this.#owned.has(run);
  }

  existing(run: string, last?: number): string {
    const ranges = this.#ranges(run, last).map(([after, last]) =>
      after === 0 ? `batch <= ${last}` : `batch > ${after} AND batch <= ${last}`,
    );
    return ranges.length === 0 ? "0" : `(${ranges.join(" OR ")})`;
  }

  /** Not what later owners have not finished: one may store the run while these rows are being deleted. */
  unfinished(run: string): string {
    return `batch < ${this.next} AND NOT ${this.existing(run)}`;
  }

  exists(run: string, batch: number): boolean {
    return this.#ranges(run).some(([after, last]) => batch > after && batch <= last);
  }

  async claim(run: string, letGo: (runs: readonly string[]) => void): Promise<{ marks: StreamMark[]; known: boolean }> {
    for (let tries = 0; ; tries++) {
      const began = performance.now();
      const epoch = await this.#newEpoch(run);
      letGo(await this.lost([...this.#owned]));
      const claims = (await this.#readClaims(run)).get(run) ?? [];
      const { marks, last } = await this.#marks(run, claims.at(-1));
      const claim = { epoch, follows: claims.at(-1)?.epoch ?? 0, after: last };
      // The streams begin again where they are, in this epoch: a late mark of an earlier one is not looked at.
      const again = marks.map((mark) => ({ ...mark, rejected: 0 }));
      await this.#database.insert("streams", blockOf(streamRows(0, epoch, again)), randomUUID());
      await this.#writeClaim(run, claim, true);
      this.#extents.set(run, { claims: [...claims, claim], last });
      this.#epoch = epoch;
      if ((await this.#claimedByOthers([run])).length === 0) {
        return { marks, known: marks.length > 0 || claims.length > 0 };
      }
      await waitFor(performance.now() - began, tries);
    }
  }

  own(run: string): void {
    this.#owned.add(run);
  }

  async lost(runs: readonly string[]): Promise<string[]> {
    if (runs.length === 0) return [];
    for (const run of await this.#claimedByOthers(runs)) this.#owned.delete(run);
    return runs.filter((run) => !this.#owned.has(run));
  }

  async #claimedByOthers(runs: readonly string[]): Promise<string[]> {
    const rows = await this.#database.rows(
      `SELECT run FROM ${DATABASE}.claims WHERE run IN {runs:Array(String)} GROUP BY run HAVING argMax(collector, epoch) != {collector:String}`,
      { runs, collector: this.#collector },
    );
    return rows.map(([run]) => run as string);
  }

  async refresh(): Promise<string[]> {
    // Marks before claims: what was marked under a claim that is not read yet is left for the next time.
    const rows = await this.#database.rows(
      `SELECT run, epoch, max(batch) FROM ${DATABASE}.streams GROUP BY run, epoch`,
    );
    const claims = await this.#readClaims();
    const found = new Map<string, Extent>();
    for (const [run, ...numbers] of rows as [string, ...unknown[]][]) {
      const [epoch, batch] = numbers.map(asNumber) as [number, number];
      const ofRun = claims.get(run) ?? [];
      const { epoch: since, after } = ofRun.at(-1) ?? UNCLAIMED;
      const last = Math.max(found.get(run)?.last ?? after, epoch >= since ? batch : 0);
      found.set(run, { claims: ofRun, last });
    }
    const changed = [...new Set([...found.keys(), ...this.#extents.keys()])].filter((run) => {
      return !this.#owned.has(run) && !sameExtent(this.#extents.get(run), found.get(run));
    });
    for (const run of changed) {
      const extent = found.get(run);
      if (extent === undefined) this.#extents.delete(run);
      else this.#extents.set(run, extent);
    }
    return changed;
  }

  /** The claims of a deleted run stay: what is still on its way for an earlier one must not exist. */
  forget(run: string): void {
    const extent = this.#extents.get(run);
    if (extent !== undefined && !this.#owned.has(run)) this.#extents.delete(run);
  }

  /** Ranges of batches that exist, the lower end left out. */
  #ranges(run: string, writing?: number): [after: number, last: number][] {
    const extent = this.#extents.get(run);
    const claims = extent?.claims ?? [];
    const last = writing ?? (this.owns(run) ? this.#stored : (extent?.last ?? 0));
    const starts = [0, ...claims.map(({ epoch }) => epoch * BATCHES_OF_EPOCH)];
    const ends = [...claims.map(({ after }) => after), last];
    return starts
      .map((start, index) => [start, ends[index]!] as [number, number])
      .filter(([after, end]) => after < end);
  }

  async #newEpoch(run: string): Promise<number> {
    for (let tries = 0; ; tries++) {
      const began = performance.now();
      const [row] = await this.#database.rows(`SELECT max(epoch) FROM ${DATABASE}.claims`);
      const epoch = asNumber(row![0]) + 1 + Math.floor(Math.random() * EPOCHS_TO_CHOOSE_FROM);
      if (epoch > LAST_EPOCH) throw new Error(`this store has seen ${LAST_EPOCH} claims of runs, the most possible`);
      await this.#writeClaim(run, { ...UNCLAIMED, epoch }, false);
      const [others] = await this.#database.rows(
        `SELECT count() FROM ${DATABASE}.claims WHERE epoch >= ${epoch} AND collector != {collector:String}`,
        { collector: this.#collector },
      );
      if (asNumber(others![0]) === 0) return epoch;
      await waitFor(performance.now() - began, tries);
    }
  }

  /** @param ready false while it is not known yet after which batch it begins; readers leave it out until then */
  async #writeClaim(run: string, { epoch, follows, after }: Claim, ready: boolean): Promise<void> {
    const row = [run, epoch, follows, this.#collector, after, Number(ready)];
    await this.#database.insert("claims", blockOf({ columns: CLAIM_COLUMNS, rows: [row] }), randomUUID());
  }

  /** @returns the newest claim of a run that is ready, after those that led to it, ascending */
  async #readClaims(run?: string): Promise<Map<string, Claim[]>> {
    const rows = await this.#database.rows(
      `SELECT DISTINCT run, epoch, follows, after FROM ${DATABASE}.claims
       WHERE ready = 1 ${run === undefined ? "" : "AND run = {run:String}"} ORDER BY epoch DESC`,
      run === undefined ? {} : { run },
    );
    const claims = new Map<string, Claim[]>();
    for (const [run, ...numbers] of rows as [string, ...unknown[]][]) {
      const [epoch, follows, after] = numbers.map(asNumber) as [number, number, number];
      const later = claims.get(run);
      if (later === undefined || later[0]!.follows === epoch)
        claims.set(run, [{ epoch, follows, after }, ...(later ?? [])]);
    }
    return claims;
  }

  /** All marks of a batch are one insert, so that they are seen together or not at all. */
  async #marks(run: string, { epoch, after } = UNCLAIMED): Promise<{ marks: StreamMark[]; last: number }> {
    const rows = await this.#database.rows(
      `SELECT rank, attempt, max(batch), max(sequence), sum(rejected), max(last_message_at) FROM ${DATABASE}.streams
       WHERE run = {run:String} AND epoch >= ${epoch} GROUP BY rank, attempt`,
      { run },
    );
    const marks = rows.map((row) => {
      const [rank, attempt, , sequence, rejected, lastMessageAt] = row.map(asNumber) as [
        ...[rank: number, attempt: number, batch: number, sequence: number, rejected: number, lastMessageAt: number],
      ];
      return { run, rank, attempt, sequence, rejected, lastMessageAt };
    });
    return { marks, last: Math.max(after, ...rows.map((row) => asNumber(row[2]))) };
  }
}

/** Waits by chance, longer after every try: who claimed at the same time should not do so again. @param took milliseconds */
async function waitFor(took: number, tries: number): Promise<void> {
  await delay(Math.random() * took * 2 ** Math.min(tries, 4));
}

function sameExtent(a: Extent | undefined, b: Extent | undefined): boolean {
  return a?.last === b?.last && a?.claims.length === b?.claims.length;
}
