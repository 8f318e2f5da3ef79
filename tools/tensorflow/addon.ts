// Compiles and links tfjs-node-gpu's addon against TensorFlow, with the fused operations in it.
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { availableParallelism, freemem } from "node:os";
import { basename, dirname, join } from "node:path";
import { objectDigest, type SourceSet } from "./addon-sources.ts";
import { fileSize } from "./cache.ts";
import { CommandFailed, runCommand } from "./command.ts";
import { LIBRARIES, TENSORFLOW_VERSION, type TensorflowLibrary } from "./library.ts";
import { TensorflowUnavailable } from "./outcome.ts";
import type { OnProgress } from "./progress.ts";

const COMPILERS = ["g++", "clang++", "c++"];

/** The first C++ compiler there is. @throws TensorflowUnavailable */
export async function findCompiler(signal?: AbortSignal): Promise<string> {
  for (const compiler of COMPILERS) {
    try {
      await runCommand(compiler, ["--version"], { signal });
      return compiler;
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
    }
  }
  const names = `${COMPILERS.slice(0, -1).join(", ")} or ${COMPILERS.at(-1)}`;
  throw new TensorflowUnavailable(
    `no C++ compiler (${names}) was found`,
    "Install one: `apt-get install g++`, or your system's way.",
  );
}

export interface AddonBuild {
  compiler: string;
  library: TensorflowLibrary;
  /** Folder of compiled objects that is kept between builds. */
  objects: string;
  onProgress: OnProgress;
  signal: AbortSignal | undefined;
}

/**
 * Writes the addon made of `sets` to `output`.
 *
 * @throws TensorflowUnavailable with the compiler's first error
 */
export async function buildAddon(sets: SourceSet[], output: string, build: AddonBuild): Promise<void> {
  await mkdir(build.objects, { recursive: true });
  const sources = sets.flatMap((set) => set.files.map((file) => ({ file, set })));
  const objects: string[] = [];
  build.onProgress({ stage: "compile", done: 0, total: sources.length });
  await inParallel(sources, build.signal, async ({ file, set }, signal) => {
    objects.push(await compile(file, set, { ...build, signal }));
    build.onProgress({ stage: "compile", done: objects.length, total: sources.length });
  });
  await linkObjects(objects, output, build);
  await forgetOldObjects(build.objects);
}

// Against empty libraries of the same names, because GNU ld takes 7 seconds to read the real ones. Whether every symbol is there
// is checked when the addon is loaded (`-z now`).
async function linkObjects(objects: string[], output: string, build: AddonBuild): Promise<void> {
  const stubs = await mkdtemp(join(dirname(output), "stubs-"));
  for (const name of LIBRARIES) {
    await compiler(build, ["-shared", "-x", "c++", "/dev/null", `-Wl,-soname,${name}`, "-o", join(stubs, name)]);
  }
  const libraries = [`-L${stubs}`, "-Wl,--no-as-needed", ...LIBRARIES.map((name) => `-l:${name}`)];
  const loading = [`-Wl,-rpath,${build.library.directory}`, "-Wl,-z,now"];
  await compiler(build, ["-shared", ...objects, ...libraries, ...loading, "-o", output]);
  await rm(stubs, { recursive: true });
}

async function compile(file: string, set: SourceSet, build: AddonBuild): Promise<string> {
  const object = join(build.objects, `${objectDigest(file, set, TENSORFLOW_VERSION)}.o`);
  if (fileSize(object) !== undefined) {
    const now = new Date();
    await utimes(object, now, now);
    return object;
  }
  const headers = join(build.library.directory, "include");
  const include = [...set.include, headers, join(headers, "third_party")].map((folder) => `-I${folder}`);
  const unfinished = `${object}.${process.pid}`;
  try {
    await compiler(build, ["-c", ...set.flags, ...include, file, "-o", unfinished]);
    await rename(unfinished, object);
  } finally {
    await rm(unfinished, { force: true });
  }
  return object;
}

async function compiler(build: AddonBuild, args: string[]): Promise<void> {
  try {
    await runCommand(build.compiler, args, { signal: build.signal });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new TensorflowUnavailable(
      `${basename(build.compiler)} failed (${error.reason})`,
      "Install a C++17 compiler, such as g++ 9 or newer.",
    );
  }
}

/** Eigen's templates take one compiler process that much memory. */
const BYTES_PER_COMPILER = 1.6e9;

// The first failure stops the other tasks, so that nothing runs on when this rejects.
async function inParallel<T>(
  items: T[],
  signal: AbortSignal | undefined,
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const fit = Math.floor(freemem() / BYTES_PER_COMPILER);
  const workers = Math.max(1, Math.min(availableParallelism(), fit, items.length));
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const waiting = items.values();
  const work = async () => {
    for (const item of waiting) await task(item, either);
  };
  const stopAll = (error: unknown) => failed.abort(error);
  await Promise.all(Array.from({ length: workers }, () => work().catch(stopAll)));
  either.throwIfAborted();
}

const OBJECT_LIFETIME_MS = 30 * 24 * 3600 * 1000;

async function forgetOldObjects(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const used = await stat(path).catch(() => undefined); // another process may remove it first
    if (used && Date.now() - used.mtimeMs > OBJECT_LIFETIME_MS) await rm(path, { force: true });
  }
}
