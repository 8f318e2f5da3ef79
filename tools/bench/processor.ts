// Processor time of another process, which unlike the clock does not depend on what else the machine does.
import { readFileSync } from "node:fs";

const TICKS_A_SECOND = 100;

/** User and system time of a process and its threads so far. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
