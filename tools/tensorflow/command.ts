// Runs a program to its end, with its whole process group killed when the caller gives up.
import { type ChildProcess, spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

export interface CommandOptions {
  signal?: AbortSignal | undefined;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Called with each line of standard output. */
  onLine?: (line: string) => void;
}

/** A program that could not be started, exited with another status than 0, or was killed. */
export class CommandFailed extends Error {
  /** The program does not exist. */
  readonly notFound: boolean;
  /** What tells most: the first line of the error output with an error, its last line, or how the program ended. */
  readonly reason: string;

  constructor(command: string, how: string, { errorOutput = "", notFound = false } = {}) {
    super(`${command} ${how}`);
    this.notFound = notFound;
    // A program may colour its output even here, when FORCE_COLOR is set.
    const lines = stripVTControlCharacters(errorOutput)
      .split("\n")
      .filter((line) => line.trim() !== "");
    this.reason = (lines.find((line) => /\berror: /i.test(line)) ?? lines.at(-1) ?? this.message).trim();
  }
}

/**
 * Runs `command` and resolves with its standard output.
 *
 * @throws CommandFailed; the signal's reason when it was aborted
 */
export function runCommand(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    // A group of its own, because compilers start children that outlive a killed parent.
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    });
    const output = collect(child, options.onLine);
    const stop = () => killGroup(child);
    signal?.addEventListener("abort", stop, { once: true });
    child.once("error", (error: NodeJS.ErrnoException) => {
      signal?.removeEventListener("abort", stop);
      reject(
        new CommandFailed(command, `could not be started: ${error.message}`, { notFound: error.code === "ENOENT" }),
      );
    });
    child.once("close", (status, killedBy) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else if (status === 0) resolve(output.out);
      // What a killed program wrote before has nothing to do with it.
      else if (killedBy) reject(new CommandFailed(command, `was killed by ${killedBy}`));
      else reject(new CommandFailed(command, `exited with ${status}`, { errorOutput: output.error }));
    });
  });
}

const LONGEST_OUTPUT = 1 << 20;

function collect(child: ChildProcess, onLine?: (line: string) => void): { out: string; error: string } {
  const kept = { out: "", error: "" };
  let unfinished = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    kept.out = (kept.out + text).slice(-LONGEST_OUTPUT);
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop()!.slice(-LONGEST_OUTPUT);
    for (const line of lines) onLine?.(line);
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    kept.error = (kept.error + text).slice(-LONGEST_OUTPUT);
  });
  return kept;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it ended by itself meanwhile
  }
}
