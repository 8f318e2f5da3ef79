// Starts a collector in a process of its own, to be killed.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

export class CollectorProcess {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly pid: number;
  /** What it has logged so far. */
  readonly log: () => string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, addresses: { grpcAddress: string; httpAddress: string }, log: () => string) {
    this.#child = child;
    this.pid = child.pid!;
    this.grpcAddress = addresses.grpcAddress;
    this.httpAddress = addresses.httpAddress;
    this.log = log;
  }

  /** @param fatal it kills itself when it is about to insert into this table for this time, from 1 */
  static async start(dataDirectory: string, fatal?: { table: string; time: number }): Promise<CollectorProcess> {
    const script = join(import.meta.dirname, "collector-process.mjs");
    const extra = fatal === undefined ? [] : [fatal.table, String(fatal.time)];
    const child = spawn(process.execPath, [script, dataDirectory, ...extra], { stdio: "pipe" });
    onTestFinished(() => void child.kill("SIGKILL"));
    let log = "";
    child.stderr.on("data", (text) => {
      log += text;
    });
    const line = await Promise.race([
      once(createInterface(child.stdout), "line"),
      once(child, "exit").then(() => undefined),
    ]);
    if (line === undefined) throw new Error(`the collector did not start:\n${log}`);
    return new CollectorProcess(child, JSON.parse(line[0]), () => log);
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
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}
