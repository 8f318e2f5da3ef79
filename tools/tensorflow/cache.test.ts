import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeWorkDirectory, openCache, publish, removeLeftovers, withLock } from "./cache.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "moescope-"));
});
afterEach(() => vi.unstubAllEnvs());

const quiet = { signal: undefined, onProgress: () => {} };

test("is in the user's cache folder", () => {
  vi.stubEnv("XDG_CACHE_HOME", folder);
  expect(openCache("/nowhere")).toEqual({ directory: join(folder, "moescope", "tensorflow") });
});

test("is elsewhere, with a line about it, where the user's cache folder cannot be written", async () => {
  await writeFile(join(folder, "file"), "");
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "file"));
  const fallback = join(folder, "fallback");
  expect(openCache(fallback)).toMatchObject({ directory: fallback, notice: expect.stringContaining("ENOTDIR") });
});

test("one holder of the lock at a time, the others wait their turn", async () => {
  let inside = 0;
  let most = 0;
  const task = async () => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all([1, 2, 3].map(() => withLock(folder, quiet, task)));
  expect(most).toBe(1);
  expect(existsSync(join(folder, "lock"))).toBe(false);
});

test("the lock of a dead holder is taken over", async () => {
  const lock = join(folder, "lock");
  await writeFile(lock, "");
  await utimes(lock, new Date(0), new Date(0));
  expect(await withLock(folder, quiet, async () => "done")).toBe("done");
});

test("waiting for the lock can be given up", async () => {
  await writeFile(join(folder, "lock"), "");
  const stop = new AbortController();
  const waiting = withLock(folder, { signal: stop.signal, onProgress: () => stop.abort() }, async () => {});
  await expect(waiting).rejects.toThrow(/abort/i);
});

test("an entry replaces another in one step, and what was left half done goes", async () => {
  const work = await makeWorkDirectory(folder);
  const place = join(folder, "entry");
  for (const text of ["first", "second"]) {
    const complete = join(work, text);
    await mkdir(complete);
    await writeFile(join(complete, "content"), text);
    await publish(complete, place, work);
    expect(await readFile(join(place, "content"), "utf8")).toBe(text);
  }
  await removeLeftovers(folder);
  expect(existsSync(work)).toBe(false);
  expect(existsSync(place)).toBe(true);
});
