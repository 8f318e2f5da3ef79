// The system calls of a running process, for tests of what they promise: by strace, where it is installed and allowed.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

export function canTrace(): boolean {
  try {
    execFileSync("strace", ["-qq", "-e", "trace=none", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // not Linux, not installed, or not allowed
  }
}

export class Trace {
  readonly #child: ChildProcess;
  readonly #file: string;

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** @param calls names of system calls, separated by commas */
  static async of(pid: number, calls: string, file: string): Promise<Trace> {
    // Every thread; descriptors with their paths, and sockets with their addresses.
    const child = spawn("strace", ["-f", "-yy", "-e", `trace=${calls}`, "-o", file, "-p", String(pid)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(createInterface(child.stderr), "line"); // it says that it is attached
    return new Trace(child, file);
  }

  /** Lets go of the process. @returns its calls so far, in the order they were made */
  async end(): Promise<string[]> {
    this.#child.kill("SIGINT");
    await once(this.#child, "close");
    return readFileSync(this.#file, "utf8").split("\n");
  }
}
