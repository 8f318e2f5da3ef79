// Processor time of another process, which unlike the clock does not depend on what else the machine does.
import { readdirSync, readFileSync } from "node:fs";

const TICKS_A_SECOND = 100;

/** User and system time of a process and its threads so far. */
export function processorSeconds(pid: number): number {
  return secondsOf(`/proc/${pid}/stat`);
}

/** The same of its threads that live, by their names; those of one name together. */
export function threadSeconds(pid: number): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const of = `/proc/${pid}/task/${thread}`;
    try {
      const name = Number(thread) === pid ? "main thread" : readFileSync(`${of}/comm`, "utf8").trim();
      seconds.set(name, (seconds.get(name) ?? 0) + secondsOf(`${of}/stat`));
    } catch (error) {
      // It has ended since it was listed.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return seconds;
}

function secondsOf(stat: string): number {
  const fields = readFileSync(stat, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
