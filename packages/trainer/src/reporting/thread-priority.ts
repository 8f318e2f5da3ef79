// Training goes first: where both want a core, the reporting thread waits.
import { readlinkSync } from "node:fs";
import { constants, platform, setPriority } from "node:os";
import { basename } from "node:path";

/**
 * Lowers the priority of the calling thread, not of its process. A thread this low still gets a tenth of a core that is always wanted, so
 * reports arrive, however busy the machine. Only Linux gives every thread a priority of its own; elsewhere nothing changes.
 *
 * @returns why it could not be done, if it could not
 */
export function lowerThreadPriority(): string | undefined {
  if (platform() !== "linux") return undefined;
  try {
    // PID/task/TID of the thread that reads it.
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), constants.priority.PRIORITY_BELOW_NORMAL);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
