// Runs the built command as a process of its own, the way a person does, in a directory that is gone after the test.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const command = fileURLToPath(new URL("../../bin/moescope.js", import.meta.url));

/** The smallest run there is: one layer, generated text, a backend that every machine has. */
export const tinyRun = [
  ...["--recipe", "quick", "--backend", "wasm", "--data", "maths", "--data", "code"],
  ...["--set", "model.layers=1", "--set", "model.width=16", "--set", "model.heads=2", "--set", "model.experts=4"],
  ...["--set", "model.expertWidth=8", "--set", "data.batch=4", "--set", "data.sequence=16"],
];

/** Lets the system choose, so that tests never meet on a port. */
export const anyPorts = ["--http", "0", "--grpc", "0"];

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A started command. */
export class Started {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #output = { stdout: "", stderr: "" };
  #onOutput: () => void = () => {};

  constructor(args: readonly string[], cwd: string, environment: Record<string, string>) {
    const env = { ...process.env, ...environment };
    this.#child = spawn(process.execPath, [command, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    this.pid = this.#child.pid!;
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name]!.setEncoding("utf8").on("data", (text: string) => {
        this.#output[name] += text;
        this.#onOutput();
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        resolve({ code, ...this.#output });
        this.#onOutput();
      });
    });
  }

  /** Waits until it has printed something like this, and returns what matched. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output.stdout) ?? pattern.exec(this.#output.stderr);
      if (match) return match;
      if (this.#child.exitCode !== null) throw new Error(`ended without ${pattern}: ${JSON.stringify(this.#output)}`);
      await new Promise<void>((resolve) => {
        this.#onOutput = resolve;
      });
    }
  }

  signal(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }
}

/** @param environment variables added to those of this process */
export function start(args: readonly string[], cwd: string, environment: Record<string, string> = {}): Started {
  const started = new Started(args, cwd, environment);
  onTestFinished(async () => void (await started.signal("SIGKILL")));
  return started;
}

/** Runs the command to its end. */
export function moescope(
  args: readonly string[],
  cwd: string,
  environment: Record<string, string> = {},
): Promise<Ended> {
  return start(args, cwd, environment).ended;
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "moescope-cli-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A collector on `./moescope-data` of a directory, and the ports that it chose. */
export async function startCollect(cwd: string): Promise<{ collect: Started; http: string; grpc: string }> {
  const collect = start(["collect", ...anyPorts], cwd);
  const [, http, grpc] = await collect.until(/Dashboard +(http:\S+)\nCollector +(\S+)/);
  return { collect, http: http!, grpc: grpc! };
}

/** Processes that this one started and that are still there (Linux). */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === pid)
    .map(Number);
}

export function isRunning(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

/** Undefined for a process that is gone, or a zombie. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined; // gone
  }
}
