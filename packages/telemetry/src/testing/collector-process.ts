// Starts a collector in a process of its own, to be killed.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import type { CollectorOptions } from "../index.ts";
import { storeOptions } from "./store-kind.ts";

/** When a collector kills itself. */
export interface Death {
  /** It is about to insert into this table, or to run "any" statement, those of its start included. */
  table: string;
  /** For this time, from 1. */
  time: number;
  /** So long after the statement has begun; before it begins when absent. */
  microseconds?: number;
}

/** Runs a command as in a container of its own: it sees no process of another one, nor is it seen. */
const CONTAINED = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

/** @returns false where that is not possible, as for users other than root */
export function canContain(): boolean {
  return spawnSync(CONTAINED[0]!, [...CONTAINED.slice(1), "true"]).status === 0;
}

interface Addresses {
  grpcAddress: string;
  httpAddress: string;
}

export class CollectorProcess {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #said: Said;

  private constructor(child: ChildProcess, said: Said, { grpcAddress, httpAddress }: Addresses) {
    this.#child = child;
    this.#said = said;
    this.pid = child.pid!;
    this.grpcAddress = grpcAddress;
    this.httpAddress = httpAddress;
  }

  /**
   * @param contained whether it runs as in a container
   * @throws Error with what it has logged, when it ends before it listens
   */
  static async start(
    dataDirectory: string,
    death?: Death,
    collector: CollectorOptions = {},
    contained = false,
  ): Promise<CollectorProcess> {
    const started = await CollectorProcess.startToDie(dataDirectory, death, collector, contained);
    if (started instanceof CollectorProcess) return started;
    throw new Error(`the collector did not start:\n${started.log}`);
  }

  /** @returns what it said, when it ends before it listens */
  static async startToDie(
    dataDirectory: string,
    death?: Death,
    collector: CollectorOptions = {},
    contained = false,
  ): Promise<CollectorProcess | Said> {
    const script = join(import.meta.dirname, "collector-process.mjs");
    const store = collector.clickhouseUrls === undefined ? await storeOptions(dataDirectory) : {};
    const options = JSON.stringify({ death, collector: { ...store, ...collector } });
    const [command, ...words] = [...(contained ? CONTAINED : []), process.execPath, script, dataDirectory, options];
    const child = spawn(command!, words, { stdio: "pipe" });
    onTestFinished(() => void child.kill("SIGKILL"));
    const said: Said = { log: "", lastWords: undefined };
    child.stderr.on("data", (text) => {
      said.log += text;
    });
    const addresses = await new Promise<Addresses | undefined>((resolve) => {
      createInterface(child.stdout).on("line", (line) => {
        const { lastWords, ...addresses } = JSON.parse(line);
        if (lastWords === undefined) resolve(addresses);
        else said.lastWords = lastWords;
      });
      child.once("close", () => resolve(undefined));
    });
    return addresses === undefined ? said : new CollectorProcess(child, said, addresses);
  }

  /** What it has logged so far. */
  readonly log = () => this.#said.log;

  /** What it was about to do when it killed itself. */
  get lastWords(): string | undefined {
    return this.#said.lastWords;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.gone();
  }

  /** Asks it to stop in order. @returns its exit code */
  async stop(): Promise<number | null> {
    this.#child.stdin!.end();
    await this.gone();
    return this.#child.exitCode;
  }

  async gone(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "close");
  }
}

interface Said {
  log: string;
  lastWords: string | undefined;
}
