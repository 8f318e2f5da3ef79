// Which batches exist, and which collector stores a run.
//
// Every row carries the number of its batch. Readers look at rows of batches that exist, whoever stores them.
import type { StreamMark } from "../writing/rows.ts";

export interface BatchLedger {
  /** Whether this collector stores every run of the store, so that nobody else writes to it. */
  readonly ownsAll: boolean;
  /** The number of the next batch, and the epoch that is part of it. */
  readonly next: number;
  readonly epoch: number;
  /** The number for rows that are made outside of a batch, as rollups that are missing; `stored` is told afterwards. */
  readonly spare: number;
  /** Reads which batches exist. */
  load(): Promise<void>;
  /** The mark of a batch is stored, or its number is left out for good. */
  stored(batch: number): void;
  /**
   * @param last a batch that is being written exists for the answer as well
   * @returns a condition that is true for rows of the run's batches that exist
   */
  existing(run: string, last?: number): string;
  exists(run: string, batch: number): boolean;
  /** @returns a condition that is true for rows of batches that this collector, or one before it, never finished */
  unfinished(run?: string): string;
  owns(run: string): boolean;
  /**
   * Claims a run; no batch may be on its way. Nothing that an earlier owner has not acknowledged by then need exist. The run is this
   * collector's once `own` is told, when all that the store holds of it has been read.
   *
   * @param letGo told of other runs that turn out to be another collector's by now
   * @returns how far each of its streams is stored, and whether anything of it may be in the store
   */
  claim(run: string, letGo: (runs: readonly string[]) => void): Promise<{ marks: StreamMark[]; known: boolean }>;
  /** A claimed run is this collector's from now on. */
  own(run: string): void;
  /** @returns those of the runs that are not this collector's, because another has claimed them since */
  lost(runs: readonly string[]): Promise<string[]>;
  /** @returns runs of other collectors of which batches have come or gone since the last time; all of them the first time */
  refresh(): Promise<string[]>;
  /** The run has been deleted. */
  forget(run: string): void;
}
