// The end of a process whose store does not let go: a statement that waits for a disk holds a thread, and the process waits for it.

/** Kills this process when it has not ended by itself within these milliseconds. For when everything else is done. */
export function killUnlessEnded(milliseconds: number): void {
  // `process.exit` waits for the thread as well.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), milliseconds).unref();
}
