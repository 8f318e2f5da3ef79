// Gets the TensorFlow library itself: from the cache, from the user's Python, or from the Python index.
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { fileSize, publish } from "./cache.ts";
import { TensorflowUnavailable } from "./outcome.ts";
import type { Platform } from "./platform.ts";
import type { OnProgress } from "./progress.ts";
import { findPython, installedTensorflow } from "./python.ts";
import { readRecord, writeRecord } from "./record.ts";
import { downloadWheel, unpackWheel } from "./wheel.ts";

/** The release that tfjs-node-gpu 4.22.0 was tried with. */
export const TENSORFLOW_VERSION = "2.21.0";

export const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** The wheel, pip's copy of it, and what is unpacked. */
const BYTES_NEEDED = 2e9;

/** A folder with TensorFlow's libraries and headers, and the size in bytes of each library. */
export interface TensorflowLibrary {
  directory: string;
  sizes: Record<string, number>;
}

/** Whether the libraries still are what they were; by size alone, since reading them would take a second. */
export function isIntact({ directory, sizes }: TensorflowLibrary): boolean {
  return LIBRARIES.every((name) => sizes[name] !== undefined && fileSize(join(directory, name)) === sizes[name]);
}

function libraryIn(directory: string): TensorflowLibrary | undefined {
  const sizes = Object.fromEntries(LIBRARIES.map((name) => [name, fileSize(join(directory, name)) ?? 0]));
  const complete =
    LIBRARIES.every((name) => sizes[name]! > 0) && fileSize(join(directory, "include/tensorflow/c/c_api.h"));
  return complete ? { directory, sizes } : undefined;
}

export interface LibrarySearch {
  cache: string;
  work: string;
  platform: Platform;
  offline: boolean;
  onProgress: OnProgress;
  signal: AbortSignal | undefined;
}

/** @throws TensorflowUnavailable when it is nowhere and cannot be fetched */
export async function findLibrary(search: LibrarySearch): Promise<TensorflowLibrary> {
  const { cache, platform, offline, signal } = search;
  const place = join(cache, `${platform.distribution}-${TENSORFLOW_VERSION}-${platform.tag}`);
  const cached = { directory: place, sizes: readRecord<TensorflowLibrary["sizes"]>(place) ?? {} };
  if (isIntact(cached)) return cached;

  const python = await findPython(signal);
  const installed = await installedTensorflow(python, platform.distribution, TENSORFLOW_VERSION, signal);
  const library = installed && libraryIn(installed);
  if (library) return library;
  if (offline)
    throw new TensorflowUnavailable("it is not in the cache, and offline was asked for", "Run it once online.");
  return fetchLibrary({ ...search, python, version: TENSORFLOW_VERSION }, place);
}

async function fetchLibrary(fetching: Parameters<typeof downloadWheel>[0], place: string): Promise<TensorflowLibrary> {
  const { work } = fetching;
  await requireSpace(work);
  const unpacked = join(work, "library");
  await unpackWheel(await downloadWheel(fetching), unpacked, fetching);
  const library = libraryIn(unpacked);
  if (!library) {
    throw new TensorflowUnavailable(
      `its ${fetching.platform.tag} wheel lacks libraries or headers`,
      "Please report this.",
    );
  }
  await writeRecord(unpacked, library.sizes);
  await publish(unpacked, place, work);
  return { ...library, directory: place };
}

async function requireSpace(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= BYTES_NEEDED) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new TensorflowUnavailable(
    `${directory} has ${gigabytes(free)} GB free, fetching TensorFlow takes ${gigabytes(BYTES_NEEDED)} GB`,
    "Free disk space, or set XDG_CACHE_HOME to a larger disk.",
  );
}
