// Training goes first: where both want a core, the reporting thread waits.
import { readlinkSync } from "node:fs";
import { platform, setPriority } from "node:os";
import { basename } from "node:path";

/** Low enough not to push a thread of TensorFlow aside, high enough for a quarter of a core that one other thread always wants. */
const NICE = 5;

/**
 * Lowers the priority of the calling thread, not of its process. Only Linux gives every thread a priority of its own; elsewhere nothing
 * changes.
 *
 * @returns why it could not be done, if it could not
 */
export function lowerThreadPriority(): string | undefined {
  if (platform() !== "linux") return undefined;
  try {
    // PID/task/TID of the thread that reads it.
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), NICE);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
