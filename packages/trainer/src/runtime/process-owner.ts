// Who owns something on disk: a name of this process, by which others can tell later whether it is gone.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

export interface Owner {
  pid: number;
  /** When the process started, in ticks since boot, so that a number used again is noticed; 0 where /proc does not tell. */
  start: number;
  host: string;
}

/** As in `4711.88212.machine`. */
export function ownName(): string {
  return `${process.pid}.${startOf(process.pid)}.${hostname()}`;
}

/** @returns undefined when `name` is not one of `ownName` */
export function parseOwner(name: string): Owner | undefined {
  const [, pid, start, host] = /^(\d+)\.(\d+)\.(.*)$/.exec(name) ?? [];
  return host === undefined ? undefined : { pid: Number(pid), start: Number(start), host };
}

export function isHere({ host }: Owner): boolean {
  return host === hostname();
}

/** Whether a process of this machine still runs. */
export function isAlive({ pid, start }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return startOf(pid) === start;
}

function startOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field, the command, may hold spaces and parentheses; start time is field 22.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return 0;
  }
}
