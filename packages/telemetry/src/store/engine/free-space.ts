// Keeps the embedded store from meeting the end of its disk: in time takes no more data, then lets nothing be merged.
import { statfs } from "node:fs/promises";
import type { Logger } from "pino";
import type { Database } from "./database.ts";
import { answered, StoreError } from "./store-error.ts";

/** Milliseconds between two looks. */
const INTERVAL = 250;

export interface FreeSpaceOptions {
  dataDirectory: string;
  /** Bytes of the disk that stay free. */
  keepFree: number;
  /** Called after every look: why no more data is taken; undefined when there is room. */
  told: (trouble: string | undefined) => void;
  database: Pick<Database, "run">;
  log: Logger;
}

/**
 * A merge that meets the end of the disk may leave a part that cannot be read, after which the engine deletes the parts it was merged
 * from (decision 18). So data are refused while less than `keepFree` is free, and what other programs then take of it stops merges at
 * half: until there, the engine reserves what a merge will write, and nobody else takes it.
 */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #timer: NodeJS.Timeout | undefined;
  #merging = true;
  /** Work that merges are allowed for. */
  #allowed = 0;
  #looking: Promise<number> | undefined;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /** Looks again and again from now on. */
  start(): void {
    const { log } = this.#options;
    const look = () => {
      this.#look().catch((error) => {
        clearInterval(this.#timer);
        log.error({ error }, "free space is looked at before every batch alone from now on");
      });
    };
    this.#timer = setInterval(look, INTERVAL);
  }

  /** @throws StoreError when less is free than has to stay free */
  async expectEnough(): Promise<void> {
    // The engine itself says when nothing is left.
    if (this.#options.keepFree === 0) return;
    const trouble = this.#troubleWith(await this.#look());
    if (trouble !== undefined) throw new StoreError(trouble);
  }

  /** For what makes room: the engine deletes rows the way it merges. */
  async whileMerging(work: () => Promise<void>): Promise<void> {
    this.#allowed++;
    try {
      await this.#looking;
      await this.#look();
      await work();
    } finally {
      this.#allowed--;
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** @returns the bytes that are free */
  #look(): Promise<number> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(): Promise<number> {
    const { dataDirectory, keepFree, told } = this.#options;
    const { bavail, bsize } = await answered(statfs(dataDirectory));
    const free = bavail * bsize;
    told(this.#troubleWith(free));
    await this.#merge(free >= keepFree / 2 || this.#allowed > 0, free);
    return free;
  }

  #troubleWith(free: number): string | undefined {
    const { dataDirectory, keepFree } = this.#options;
    if (free === 0) return `the disk of ${dataDirectory} is full`;
    if (free >= keepFree) return undefined;
    return `not enough space: ${mebibytes(free)} are free on the disk of ${dataDirectory}, and ${mebibytes(keepFree)} must stay free`;
  }

  async #merge(merging: boolean, free: number): Promise<void> {
    if (merging === this.#merging) return;
    const { database, log, dataDirectory } = this.#options;
    await database.run(`SYSTEM ${merging ? "START" : "STOP"} MERGES`);
    this.#merging = merging;
    if (merging) log.warn({ free }, "parts of the store are merged again");
    else log.warn({ free, dataDirectory }, "the disk is nearly full: the store merges no parts until there is room");
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}
