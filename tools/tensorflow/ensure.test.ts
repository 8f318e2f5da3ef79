// Runs against the real TensorFlow that `nx link` left in the user's cache; nothing is downloaded here.
import { existsSync } from "node:fs";
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { findCompiler } from "./addon.ts";
import { openCache } from "./cache.ts";
import { runCommand } from "./command.ts";
import { type EnsureOptions, ensureTensorflow } from "./ensure.ts";
import { findLibrary } from "./library.ts";
import { describeOutcome, type LinkedTensorflow, type MissingTensorflow } from "./outcome.ts";
import { platformOf, thisMachine } from "./platform.ts";
import { findPython } from "./python.ts";

let folder: string;
let cacheDirectory: string;
let link: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "moescope-")));
  cacheDirectory = join(folder, "cache");
  link = join(folder, "lib", "tfjs_binding.node");
  await mkdir(cacheDirectory);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const orUndefined = <T>(found: Promise<T>) => found.catch(() => undefined);
const compiler = await orUndefined(findCompiler());
const python = await orUndefined(findPython());
const library = await orUndefined(cachedLibrary());

async function cachedLibrary(): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), "moescope-"));
  const { directory: cache } = openCache(join(work, "none"));
  const quiet = { offline: true, onProgress: () => {}, signal: undefined };
  return (await findLibrary({ cache, work, platform: platformOf(thisMachine()), ...quiet })).directory;
}

// Without fused operations the addon compiles in two seconds.
const ensure = (options: EnsureOptions = {}) =>
  ensureTensorflow({ cacheDirectory, link, offline: true, customOps: "/nowhere", ...options });

async function linked(options: EnsureOptions = {}): Promise<LinkedTensorflow> {
  const outcome = await ensure(options);
  if (!outcome.linked) throw new Error(describeOutcome(outcome));
  return outcome;
}

async function missing(options: EnsureOptions = {}): Promise<MissingTensorflow> {
  const outcome = await ensure(options);
  if (outcome.linked) throw new Error(`linked ${outcome.binding}`);
  return outcome;
}

/** A PATH on which there are only these programs of this machine's, and `also`. */
async function onlyOnPath(programs: string[], also = ""): Promise<void> {
  const path = join(folder, "bin");
  await mkdir(path);
  for (const program of programs) {
    await symlink((await runCommand("sh", ["-c", `command -v ${program}`])).trim(), join(path, program));
  }
  vi.stubEnv("PATH", `${path}:${also}`);
}

describe("what a machine may lack", () => {
  test("a C++ compiler", async () => {
    await onlyOnPath([]);
    const outcome = await missing();
    expect(outcome.missing).toBe("no C++ compiler (g++, clang++ or c++) was found");
    expect(describeOutcome(outcome)).toMatch(
      /^no native TensorFlow: .*; training falls back to WebAssembly.*\. Install one/,
    );
  });

  test.runIf(compiler)("Python", async () => {
    await onlyOnPath([compiler!]);
    expect(await missing()).toMatchObject({ missing: "Python 3 was not found" });
  });

  test.runIf(compiler && python)("pip", async () => {
    const venv = join(folder, "venv");
    await runCommand(python!.command, ["-m", "venv", "--without-pip", venv]);
    await onlyOnPath([compiler!], join(venv, "bin"));
    expect(await missing()).toMatchObject({
      missing: "python3 has no pip",
      remedy: expect.stringContaining("ensurepip"),
    });
  });

  test.runIf(compiler && python)("a package index", async () => {
    vi.stubEnv("PIP_NO_INDEX", "1");
    vi.stubEnv("PIP_FIND_LINKS", "");
    const outcome = await missing({ offline: false });
    expect(outcome.missing).toMatch(/pip could not fetch tensorflow(-cpu)?==[\d.]+ \(ERROR: .*\)/);
  });

  test.runIf(compiler && python)("TensorFlow in the cache, when nothing may be fetched", async () => {
    expect(await missing()).toMatchObject({ missing: "it is not in the cache, and offline was asked for" });
  });

  afterEach(async () => {
    expect(await readdir(cacheDirectory)).toEqual([]);
    expect(existsSync(link)).toBe(false);
  });
});

describe.runIf(compiler && library)("with TensorFlow in the cache", () => {
  let objects: string;
  beforeAll(async () => {
    objects = await mkdtemp(join(tmpdir(), "moescope-"));
  });
  afterAll(() => rm(objects, { recursive: true }));
  beforeEach(async () => {
    await symlink(library!, join(cacheDirectory, basename(library!)));
    await symlink(objects, join(cacheDirectory, "objects"));
  });

  test("compiles the addon, runs an operation on it and links it; the next time takes milliseconds", async () => {
    await mkdir(dirname(link));
    await writeFile(link, "an addon built by hand");
    const first = await linked();
    expect(first.version).toMatch(/^2\.\d+\.\d+$/);
    expect(first.customOps.built).toBe(false);
    expect(await readlink(link)).toBe(first.binding);
    const second = await linked({ onProgress: ({ stage }) => expect.unreachable(`had to ${stage}`) });
    expect(second).toEqual({ ...first, tookMs: second.tookMs });
    expect(second.tookMs).toBeLessThan(50);
  });

  test("compiles the fused operations in", async () => {
    const customOps = join(folder, "native");
    await mkdir(customOps);
    for (const name of ["kernel.h", "version.cc"]) {
      await copyFile(join(import.meta.dirname, "../../packages/trainer/native", name), join(customOps, name));
    }
    expect((await linked({ customOps })).customOps).toMatchObject({ built: true });
  }, 60_000);

  test.each([
    ["do not compile", "no_such_type x;", /error: .*no_such_type/],
    ["crash when they are loaded", "__attribute__((constructor)) void Crash() { __builtin_trap(); }", /SIGILL|SIGTRAP/],
    ["register nothing", "int unused;", /not registered/],
  ])("fused operations that %s cost only themselves", async (_, source, reason) => {
    const customOps = join(folder, "native");
    await mkdir(customOps);
    await writeFile(join(customOps, "ops.cc"), source);
    expect((await linked({ customOps })).customOps).toEqual({ built: false, reason: expect.stringMatching(reason) });
  });

  test("a newer Node, whose util lacks what tfjs-node-gpu calls, can check it", async () => {
    const asNode23 = `import util from "node:util"; delete util.isNullOrUndefined;`;
    vi.stubEnv("NODE_OPTIONS", `--import=data:text/javascript,${encodeURIComponent(asNode23)}`);
    await linked();
  });

  test("several processes at once compile it once", async () => {
    let compiled = 0;
    const onProgress = ({ stage, done }: { stage: string; done: number }) => {
      if (stage === "compile" && done === 0) compiled++;
    };
    const outcomes = await Promise.all([1, 2, 3].map((n) => linked({ onProgress, link: `${link}.${n}` })));
    expect(compiled).toBe(1);
    expect(new Set(outcomes.map(({ binding }) => binding)).size).toBe(1);
  });

  test("a damaged addon is made again, a damaged library is not used", async () => {
    const { binding, directory } = await linked();
    await truncate(binding, 1000);
    expect((await linked()).binding).toBe(binding);
    await linked({ onProgress: ({ stage }) => expect.unreachable(`had to ${stage}`) });

    await rm(directory);
    await mkdir(directory);
    await writeFile(join(directory, "libtensorflow_cc.so.2"), "half of it");
    expect(await missing()).toMatchObject({ missing: "it is not in the cache, and offline was asked for" });
  });

  test("giving up leaves nothing half done", async () => {
    const stop = new AbortController();
    const onProgress = ({ stage }: { stage: string }) => stage === "check" && stop.abort(new Error("enough"));
    await expect(ensure({ signal: stop.signal, onProgress })).rejects.toThrow("enough");
    expect((await readdir(cacheDirectory)).sort()).toEqual(["objects", basename(library!)]);
    expect(existsSync(link)).toBe(false);
    await linked();
  });
});

test.runIf(compiler && python && library)("a TensorFlow of the same version in the user's Python is used", async () => {
  const { distribution } = platformOf(thisMachine());
  const packages = join(folder, "site-packages");
  const version = /-(\d+\.\d+\.\d+)-/.exec(basename(library!))![1];
  const metadata = join(packages, `${distribution.replace("-", "_")}-${version}.dist-info`);
  await mkdir(metadata, { recursive: true });
  await writeFile(join(metadata, "METADATA"), `Metadata-Version: 2.1\nName: ${distribution}\nVersion: ${version}\n`);
  await symlink(library!, join(packages, "tensorflow"));
  vi.stubEnv("PYTHONPATH", packages);
  expect((await linked()).directory).toBe(join(packages, "tensorflow"));
});
