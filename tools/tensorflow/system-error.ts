// Tells what the operating system refused from mistakes in this code.

/** Whether `error` is a failed system call, as for a file that is not there. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}
