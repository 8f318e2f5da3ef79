// Files that let in whoever has them: read with errors that name them, and with a word on who else can read or change them.
import { readFileSync, statSync } from "node:fs";

export interface SecretFile {
  bytes: Buffer;
  /** Says that other users of the machine can read or change it, and what to do. */
  notice: string | undefined;
}

const REASONS: Record<string, string> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  ENOTDIR: "what should be its directory is a file",
  EACCES: "this user may not read it",
};

/**
 * @param what as in "TLS key", for messages
 * @throws Error that names the file which cannot be read
 */
export function readNamedFile(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new Error(`${what} ${path} cannot be read: ${REASONS[code] ?? message}`, { cause: error });
  }
}

/** Like `readNamedFile`. @throws Error also when every user of the machine can change the file */
export function readSecretFile(what: string, path: string): SecretFile {
  const bytes = readNamedFile(what, path);
  return { bytes, notice: noticeOf(what, path) };
}

const [OTHERS_WRITE, OTHERS_READ, GROUP_WRITE, GROUP_READ] = [0o002, 0o004, 0o020, 0o040];

function noticeOf(what: string, path: string): string | undefined {
  // Windows has other rights, which Node does not show.
  if (process.platform === "win32") return undefined;
  const mode = statSync(path).mode & 0o777;
  const may = (bit: number) => (mode & bit) !== 0;
  const told = (who: string, can: string) =>
    `${what} ${path} can be ${can} by ${who} (mode ${mode.toString(8).padStart(3, "0")}); run: chmod 600 ${path}`;
  if (may(OTHERS_WRITE)) throw new Error(told("every user of this machine", "changed"));
  if (may(OTHERS_READ)) return told("every user of this machine", "read");
  if (may(GROUP_WRITE)) return told("its group", "changed");
  return may(GROUP_READ) ? told("its group", "read") : undefined;
}
