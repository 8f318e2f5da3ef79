// Fetches TensorFlow's wheel through the user's pip and unpacks the libraries and headers out of it.
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailed, runCommand } from "./command.ts";
import { TensorflowUnavailable } from "./outcome.ts";
import type { Platform } from "./platform.ts";
import type { OnProgress } from "./progress.ts";
import type { Python } from "./python.ts";

/** Any Python's wheel will do: the libraries in it do not depend on Python. */
const WHEEL_PYTHON = "3.12";

const POLL_MS = 200;

export interface Fetching {
  python: Python;
  platform: Platform;
  version: string;
  /** An empty folder of ours for everything that is written. */
  work: string;
  onProgress: OnProgress;
  signal: AbortSignal | undefined;
}

/**
 * Downloads the wheel and resolves with its path.
 *
 * @throws TensorflowUnavailable with pip's own reason
 */
export async function downloadWheel({
  python,
  platform,
  version,
  work,
  onProgress,
  signal,
}: Fetching): Promise<string> {
  const temporary = join(work, "download");
  const destination = join(work, "wheel");
  await Promise.all([mkdir(temporary), mkdir(destination)]);
  const requirement = `${platform.distribution}==${version}`;
  let total: number | undefined;
  const stopWatching = watchSize(temporary, (done) => onProgress({ stage: "download", done, ...(total && { total }) }));
  try {
    const [pip, ...before] = python.pip;
    await runCommand(pip, [...before, ...pipArguments(requirement, platform.tag, destination)], {
      signal,
      env: { TMPDIR: temporary, PYTHONUNBUFFERED: "1" },
      onLine: (line) => {
        total ??= announcedSize(line);
      },
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new TensorflowUnavailable(
      `pip could not fetch ${requirement} (${error.reason})`,
      "Connect to a Python package index, set one up in pip's configuration, or install that version into this Python.",
    );
  } finally {
    stopWatching();
  }
  const [wheel] = await readdir(destination);
  return join(destination, wheel!);
}

function pipArguments(requirement: string, tag: string, destination: string): string[] {
  const wheel = ["--only-binary=:all:", "--implementation", "cp", "--python-version", WHEEL_PYTHON, "--platform", tag];
  const quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--retries", "2"];
  return ["download", "--no-deps", ...wheel, ...quiet, "--dest", destination, requirement];
}

/** Bytes, from pip's `Downloading NAME.whl (273.8 MB)`. */
export function announcedSize(line: string): number | undefined {
  const match = /^\s*Downloading \S+\.whl \(([\d.]+) (kB|MB|GB)\)/.exec(line);
  return match ? Number(match[1]) * { kB: 1e3, MB: 1e6, GB: 1e9 }[match[2] as "kB" | "MB" | "GB"] : undefined;
}

// pip has no progress for machines before version 24.1, but it writes into a folder of ours, in one or more copies.
function watchSize(folder: string, onSize: (bytes: number) => void): () => void {
  let largest = 0;
  const timer = setInterval(async () => {
    largest = Math.max(largest, await largestFile(folder));
    onSize(largest);
  }, POLL_MS);
  return () => clearInterval(timer);
}

async function largestFile(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  // A folder or file that pip removes meanwhile counts nothing.
  const sizes = files.map((file) =>
    stat(file).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return Math.max(0, ...(await Promise.all(sizes)));
}

// Only what the addon needs, less than half of the wheel. Prints bytes written, bytes in all.
const UNPACK = `
import os, shutil, sys, zipfile
wheel, destination = sys.argv[1:]
wanted = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2", "tensorflow/include/")
class Counting:
    def __init__(self, file): self.file = file
    def write(self, data):
        global done
        done += len(data)
        self.file.write(data)
        if done - shown[0] > 1 << 24:
            shown[0] = done
            print(done, total, flush=True)
with zipfile.ZipFile(wheel) as archive:
    members = [m for m in archive.infolist() if m.filename.startswith(wanted) and not m.is_dir()]
    done, shown, total = 0, [0], sum(m.file_size for m in members)
    for member in members:
        path = os.path.join(destination, os.path.relpath(member.filename, "tensorflow"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(member) as packed, open(path, "wb") as file:
            shutil.copyfileobj(packed, Counting(file), 1 << 20)
`;

/**
 * Unpacks libraries and headers of `wheel` into `directory`.
 *
 * @throws TensorflowUnavailable when the wheel is broken or the disk is full
 */
export async function unpackWheel(
  wheel: string,
  directory: string,
  { python, onProgress, signal }: Fetching,
): Promise<void> {
  const onLine = (line: string) => {
    const [done, total] = line.split(" ").map(Number);
    onProgress({ stage: "unpack", done: done!, total: total! });
  };
  try {
    await runCommand(python.command, ["-c", UNPACK, wheel, directory], { signal, onLine });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new TensorflowUnavailable(
      `its wheel could not be unpacked (${error.reason})`,
      "Free disk space and run it again.",
    );
  }
}
