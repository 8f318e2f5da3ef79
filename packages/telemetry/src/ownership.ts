// Who runs on a data directory: one collector at a time, and the file by which others find it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { prepareDirectory } from "./data-directory.ts";

const OWNER_FILE = "collector.json";

const ownerSchema = z.object({
  pid: z.int().positive(),
  /** Tells a process from a later one with the same pid. */
  startedAt: z.string(),
  /** `host:port`; empty while the collector is starting. */
  httpAddress: z.string(),
  grpcAddress: z.string(),
  /** Whether both speak TLS. */
  tls: z.boolean().default(false),
});
type Owner = z.output<typeof ownerSchema>;

/** Where a running collector can be reached. */
export type CollectorAddress = Omit<Owner, "startedAt">;

/** @returns where its HTTP API is, as in http://127.0.0.1:4680 */
export function baseUrl({ httpAddress, tls }: Pick<CollectorAddress, "httpAddress" | "tls">): string {
  return `${tls ? "https" : "http"}://${httpAddress}`;
}

/** @returns the collector that runs on this data directory, or undefined when none does */
export async function findCollector(dataDirectory: string): Promise<CollectorAddress | undefined> {
  const owner = await readOwner(join(dataDirectory, OWNER_FILE));
  if (owner === undefined || owner.httpAddress === "" || !isRunning(owner)) return undefined;
  const { startedAt: _, ...address } = owner;
  return address;
}

/** The right to use a data directory, held until `release`, or until the process is gone. */
export class Ownership {
  readonly #file: string;
  readonly #owner: Owner;
  #inUse: Promise<void> = Promise.resolve();

  private constructor(file: string, owner: Owner) {
    this.#file = file;
    this.#owner = owner;
  }

  /** @throws Error that names the owner when a running collector has the directory */
  static async claim(dataDirectory: string): Promise<Ownership> {
    await prepareDirectory(dataDirectory);
    const file = join(dataDirectory, OWNER_FILE);
    const startedAt = processStart(process.pid);
    if (startedAt === undefined) throw new Error("cannot tell when this process started: neither /proc nor ps answers");
    const ownership = new Ownership(file, {
      pid: process.pid,
      startedAt,
      httpAddress: "",
      grpcAddress: "",
      tls: false,
    });
    while (!(await ownership.#create())) await removeStale(file, dataDirectory);
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
    await rm(this.#file, { force: true });
  }

  /** Appears with its content or not at all, and only where no other file is. */
  async #create(): Promise<boolean> {
    const draft = await this.#writeDraft();
    try {
      await link(draft, this.#file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
  }

  async #writeDraft(): Promise<string> {
    const draft = `${this.#file}.${process.pid}`;
    try {
      await writeFile(draft, `${JSON.stringify(this.#owner, null, 2)}\n`);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return draft;
  }
}

// Two collectors that both find a stale file may both go on from here; the lock that the store's engine holds stops one of them.
async function removeStale(file: string, dataDirectory: string): Promise<void> {
  const owner = await readOwner(file);
  if (owner === undefined || !isRunning(owner)) {
    await rm(file, { force: true });
    return;
  }
  const at = owner.httpAddress === "" ? "which is starting" : `at ${baseUrl(owner)}`;
  throw new Error(
    `data directory ${dataDirectory} belongs to the running collector ${at} (pid ${owner.pid}); use that one, stop it, or choose another directory`,
  );
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const absent =
      (error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR";
    // The file is written whole; one that cannot be read was never this program's.
    if (absent || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function isRunning({ pid, startedAt }: Owner): boolean {
  return processStart(pid) === startedAt;
}

/** When a process started, in the system's own words; undefined when there is no such process. */
function processStart(pid: number): string | undefined {
  if (process.platform === "linux") return startFromProc(pid);
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined; // ps fails when no process matches
  }
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // Field 22, counted after the name, which may itself hold spaces and brackets: clock ticks since boot.
    return `${boot}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
