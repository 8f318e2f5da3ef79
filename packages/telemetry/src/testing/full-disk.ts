// A directory on a small file system that a test can fill up and free again.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** @returns false where file systems cannot be mounted, as for users other than root */
export function canMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // not Linux, or not allowed
  }
}

export class SmallDisk {
  readonly #directory: string;

  constructor(directory: string, megabytes: number) {
    this.#directory = directory;
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", directory]);
    onTestFinished(() => void execFileSync("umount", ["--lazy", directory]));
  }

  /** Takes what is free beyond so many megabytes. */
  fillBut(megabytes: number): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    writeFileSync(this.#ballast, Buffer.alloc(Math.floor(bavail * bsize - megabytes * 2 ** 20)));
  }

  /** Takes every free byte. */
  fill(): void {
    const file = openSync(this.#ballast, "a");
    try {
      for (let block = 1 << 20; block >= 1; block >>= 1) writeUntilFull(file, Buffer.alloc(block));
    } finally {
      closeSync(file);
    }
  }

  /** Lets nothing be written from now on. */
  makeReadOnly(): void {
    execFileSync("mount", ["-o", "remount,ro", this.#directory]);
  }

  free(): void {
    rmSync(this.#ballast);
  }

  get #ballast(): string {
    return join(this.#directory, "ballast");
  }
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) === block.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
