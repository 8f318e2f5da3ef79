// Who runs on a data directory: one collector at a time, and the file by which others find it.
import { randomUUID } from "node:crypto";
import { rename, rm, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { prepareDirectory } from "./data-directory.ts";
import { isRunning, linked, type Owner, readOwner, renamed, TOUCHED_EVERY } from "./owner-file.ts";
import { processSpace, processStart } from "./process-identity.ts";

const OWNER_FILE = "collector.json";

/** Where a running collector can be reached. */
export type CollectorAddress = Pick<Owner, "pid" | "httpAddress" | "grpcAddress" | "tls">;

/** @returns where its HTTP API is, as in http://127.0.0.1:4680 */
export function baseUrl({ httpAddress, tls }: Pick<CollectorAddress, "httpAddress" | "tls">): string {
  return `${tls ? "https" : "http"}://${httpAddress}`;
}

/** @returns the collector that runs on this data directory, or undefined when none does */
export async function findCollector(dataDirectory: string): Promise<CollectorAddress | undefined> {
  const file = join(dataDirectory, OWNER_FILE);
  const owner = await readOwner(file);
  if (owner === undefined || owner.httpAddress === "" || !(await isRunning(owner, file))) return undefined;
  const { pid, httpAddress, grpcAddress, tls } = owner;
  return { pid, httpAddress, grpcAddress, tls };
}

/** The right to use a data directory, held until `release`, or until the process is gone. */
export class Ownership {
  readonly #file: string;
  readonly #owner: Owner;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #touching: Promise<void> = Promise.resolve();
  #inUse: Promise<void> = Promise.resolve();

  private constructor(file: string, owner: Owner, log: Logger) {
    this.#file = file;
    this.#owner = owner;
    this.#log = log;
  }

  /** @throws Error that names the owner when a running collector has the directory */
  static async claim(dataDirectory: string, log: Logger): Promise<Ownership> {
    await prepareDirectory(dataDirectory);
    const file = join(dataDirectory, OWNER_FILE);
    const ownership = new Ownership(file, thisProcess(), log);
    while (!(await ownership.#create())) await removeStale(file, dataDirectory);
    ownership.#keepTouching();
    return ownership;
  }

  /** Tells others where the collector listens. */
  async publish(addresses: Omit<CollectorAddress, "pid">): Promise<void> {
    Object.assign(this.#owner, addresses);
    await rename(await this.#writeDraft(), this.#file);
  }

  /** The directory is in use until this is done: it is not released before. */
  async lastsUntil(done: Promise<void>): Promise<void> {
    this.#inUse = done;
    await done;
  }

  async release(): Promise<void> {
    await this.#inUse;
    clearInterval(this.#timer);
    await this.#touching;
    if (await this.#isOwn()) await rm(this.#file, { force: true });
  }

  /** Appears with its content or not at all, and only where no other file is. */
  async #create(): Promise<boolean> {
    const draft = await this.#writeDraft();
    try {
      return await linked(draft, this.#file);
    } finally {
      await rm(draft, { force: true });
    }
  }

  async #writeDraft(): Promise<string> {
    const draft = `${this.#file}.${this.#owner.id}`;
    try {
      await writeFile(draft, `${JSON.stringify(this.#owner, null, 2)}\n`);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return draft;
  }

  #keepTouching(): void {
    const touch = () => {
      this.#touching = this.#touch().catch((error) => {
        clearInterval(this.#timer);
        this.#log.error({ error }, "others on this data directory may take this collector for dead");
      });
    };
    this.#timer = setInterval(touch, TOUCHED_EVERY);
    this.#timer.unref();
  }

  async #touch(): Promise<void> {
    if (!(await this.#isOwn())) throw new Error(`${this.#file} is not this collector's any more`);
    const now = new Date();
    await utimes(this.#file, now, now);
  }

  async #isOwn(): Promise<boolean> {
    return (await readOwner(this.#file))?.id === this.#owner.id;
  }
}

function thisProcess(): Owner {
  const startedAt = processStart(process.pid);
  if (startedAt === undefined) throw new Error("cannot tell when this process started: neither /proc nor ps answers");
  return {
    ...{ id: randomUUID(), pid: process.pid, startedAt, space: processSpace(), host: hostname() },
    ...{ httpAddress: "", grpcAddress: "", tls: false },
  };
}

// Two collectors that both find a stale file may both go on from here; the lock that the store's engine holds stops one of them.
async function removeStale(file: string, dataDirectory: string): Promise<void> {
  const owner = await readOwner(file);
  if (owner !== undefined && (await isRunning(owner, file))) {
    const at = owner.httpAddress === "" ? "which is starting" : `at ${baseUrl(owner)}`;
    const where = owner.space === processSpace() ? "" : ` on ${owner.host}`;
    throw new Error(
      `data directory ${dataDirectory} belongs to the running collector ${at} (pid ${owner.pid}${where}); use that one, stop it, or choose another directory`,
    );
  }
  // Another collector may have put its own file there in the meantime; that one goes back.
  const taken = `${file}.${randomUUID()}`;
  if (!(await renamed(file, taken))) return;
  if ((await readOwner(taken))?.id !== owner?.id) await linked(taken, file);
  await rm(taken, { force: true });
}
