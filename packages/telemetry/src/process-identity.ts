// Which process is meant by a pid: pids are used again, and mean something else in another container and on another machine.
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Within which pids are unique: this machine since it was booted, or the container in it. */
export function processSpace(): string {
  if (process.platform !== "linux") return hostname();
  return `${bootId()}/${readlinkSync("/proc/self/ns/pid")}`;
}

/** When a process started, in the system's own words; undefined when there is no such process. */
export function processStart(pid: number): string | undefined {
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
    // Field 22, counted after the name, which may itself hold spaces and brackets: clock ticks since boot.
    return `${bootId()}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
