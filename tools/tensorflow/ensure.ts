// Makes `@tensorflow/tfjs-node-gpu` work: finds or fetches TensorFlow, compiles the addon, checks it, links it.
import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AddonBuild, buildAddon, findCompiler } from "./addon.ts";
import { type AddonRecord, addonIn, digestOf, readyAddon } from "./addon-entry.ts";
import { type AddonSources, readAddonSources, type SourceSet } from "./addon-sources.ts";
import { type Cache, makeWorkDirectory, openCache, publish, removeLeftovers, withLock } from "./cache.ts";
import { type AddonAnswer, checkAddon } from "./check.ts";
import { findLibrary, TENSORFLOW_VERSION } from "./library.ts";
import { linksTo, placeLink } from "./link.ts";
import { missingBecause, type TensorflowOutcome, TensorflowUnavailable } from "./outcome.ts";
import { type Platform, platformOf, requireGlibc, thisMachine } from "./platform.ts";
import type { OnProgress } from "./progress.ts";
import { writeRecord } from "./record.ts";
import { isSystemError } from "./system-error.ts";

export interface EnsureOptions {
  onProgress?: OnProgress;
  /** Folder that keeps TensorFlow; the user's cache folder when absent. */
  cacheDirectory?: string;
  /** Use only what is on this machine. */
  offline?: boolean;
  /** Compile and check again what an earlier call left, for instance after installing another compiler. */
  rebuild?: boolean;
  /** Stops everything that was started and removes what is half done. */
  signal?: AbortSignal;
  /** Where the addon is linked; where tfjs-node-gpu looks for it when absent. */
  link?: string;
  /** Folder of C++ sources of fused operations; `native/` of packages/trainer when absent. */
  customOps?: string;
}

interface Task {
  platform: Platform;
  sources: AddonSources;
  cache: Cache;
  /** Cache entry of the addon made of exactly these sources and flags. */
  entry: string;
  link: string;
  offline: boolean;
  rebuild: boolean;
  onProgress: OnProgress;
  signal: AbortSignal | undefined;
}

/**
 * Links native TensorFlow, in milliseconds when an earlier call did.
 *
 * Never throws for what a machine lacks: that is an outcome with `linked: false`.
 *
 * @throws the reason of `signal` when it was aborted
 */
export async function ensureTensorflow(options: EnsureOptions = {}): Promise<TensorflowOutcome> {
  const started = performance.now();
  try {
    const task = plan(options);
    const ready = task.rebuild ? undefined : readyAddon(task.entry);
    const linked = ready && linksTo(task.link, addonIn(task.entry));
    const { version, library, customOps } = linked ? ready : await linkAddon(task);
    const tookMs = performance.now() - started;
    const { notice } = task.cache;
    const binding = addonIn(task.entry);
    return {
      linked: true,
      version,
      directory: library.directory,
      binding,
      tookMs,
      customOps,
      ...(notice && { notice }),
    };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof TensorflowUnavailable) return missingBecause(error);
    if (isSystemError(error)) return missingBecause({ message: error.message, remedy: "Mend that and run it again." });
    throw error;
  }
}

function plan(options: EnsureOptions): Task {
  const platform = platformOf(thisMachine());
  const sources = readAddonSources(platform, options.customOps);
  const cache = options.cacheDirectory ? { directory: options.cacheDirectory } : openCache(sources.fallbackCache);
  const digest = createHash("sha256").update(TENSORFLOW_VERSION).update(platform.tag);
  digest.update(sources.plain.digest).update(sources.custom?.digest ?? "");
  return {
    platform,
    sources,
    cache,
    entry: join(cache.directory, `addon-${digest.digest("hex").slice(0, 24)}`),
    link: options.link ?? sources.place,
    offline: options.offline ?? false,
    rebuild: options.rebuild ?? false,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
  };
}

async function linkAddon(task: Task): Promise<AddonRecord> {
  const { cache, entry, link } = task;
  requireGlibc();
  await mkdir(cache.directory, { recursive: true });
  return withLock(cache.directory, task, async () => {
    const kept = task.rebuild ? undefined : readyAddon(entry);
    const record = kept && (await works(task)) ? kept : await makeEntry(task);
    await placeLink(link, addonIn(entry));
    return record;
  });
}

async function works({ entry, sources, signal, onProgress }: Task): Promise<boolean> {
  onProgress({ stage: "check", done: 0 });
  try {
    await checkAddon(addonIn(entry), sources.tfjsNode, signal);
    return true;
  } catch (error) {
    if (error instanceof TensorflowUnavailable) return false; // it is compiled again, which says why when it fails again
    throw error;
  }
}

async function makeEntry(task: Task): Promise<AddonRecord> {
  const { cache, entry, signal, onProgress } = task;
  await removeLeftovers(cache.directory);
  const work = await makeWorkDirectory(cache.directory);
  try {
    const compiler = await findCompiler(signal); // before anything large is fetched in vain
    const library = await findLibrary({ ...task, cache: cache.directory, work });
    const objects = join(cache.directory, "objects");
    if (task.rebuild) await rm(objects, { recursive: true, force: true });
    const build = { compiler, library, objects, onProgress, signal };
    const complete = join(work, "addon");
    await mkdir(complete);
    const made = await makeAddon(task, addonIn(complete), build);
    const record = { ...made, library, digest: digestOf(addonIn(complete))! };
    await writeRecord(complete, record);
    await publish(complete, entry, work);
    return record;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

// An addon without the fused operations still is native TensorFlow, so a failure of theirs costs only them.
async function makeAddon(
  task: Task,
  addon: string,
  build: AddonBuild,
): Promise<Pick<AddonRecord, "version" | "customOps">> {
  const { plain, custom } = task.sources;
  let reason = "packages/trainer has none";
  if (custom) {
    try {
      const { version, customOps } = await buildAndCheck(task, [plain, custom], addon, build);
      if (customOps !== undefined)
        return { version, customOps: { built: true, instructions: task.platform.instructions } };
      reason = "they are not registered in the compiled addon";
    } catch (error) {
      if (!(error instanceof TensorflowUnavailable)) throw error;
      reason = error.message;
    }
  }
  const { version } = await buildAndCheck(task, [plain], addon, build);
  return { version, customOps: { built: false, reason } };
}

async function buildAndCheck(task: Task, sets: SourceSet[], addon: string, build: AddonBuild): Promise<AddonAnswer> {
  await buildAddon(sets, addon, build);
  task.onProgress({ stage: "check", done: 0 });
  return checkAddon(addon, task.sources.tfjsNode, task.signal);
}
