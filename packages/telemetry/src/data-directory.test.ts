// What stands in the way of a collector's files is named, with what to do.
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCollector } from "./index.ts";
import { asNobody, canBeNobody } from "./testing/as-nobody.ts";
import { TEST_OPTIONS, temporaryDirectory } from "./testing/collector.ts";
import { CollectorProcess } from "./testing/collector-process.ts";
import { canMount, SmallDisk } from "./testing/full-disk.ts";

const start = (dataDirectory: string, options: object = {}) =>
  startCollector({ ...TEST_OPTIONS, dataDirectory, ...options });

test("a file where the directory should be, or a part of its path", async () => {
  const file = join(temporaryDirectory(), "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "data"), join(file, "deep", "data")]) {
    await expect(start(path)).rejects.toThrow(
      `directory ${path} cannot be used: ${file} is a file; choose another one`,
    );
  }
});

test("a file where the store should be, and a directory where the collector's file should be", async () => {
  const directory = temporaryDirectory();
  const store = join(directory, "store");
  writeFileSync(store, "");
  await expect(start(directory)).rejects.toThrow(`directory ${store} cannot be used: ${store} is a file`);
  const another = temporaryDirectory();
  const own = join(another, "collector.json");
  mkdirSync(own);
  await expect(start(another)).rejects.toThrow(`${own} cannot be read: EISDIR`);
});

test.skipIf(!canBeNobody)("a directory of another user, or below one", async () => {
  const directory = temporaryDirectory();
  const said = (path: string) =>
    `directory ${path} cannot be used: this user has no right to write there; choose another one`;
  for (const mode of [0o700, 0o755]) {
    chmodSync(directory, mode);
    for (const path of [directory, join(directory, "data")]) {
      await asNobody(() => expect(start(path)).rejects.toThrow(said(path)));
    }
  }
});

test.skipIf(!canMount())("a file system that can only be read", async () => {
  const directory = temporaryDirectory();
  const disk = new SmallDisk(directory, 16);
  mkdirSync(join(directory, "data"));
  disk.makeReadOnly();
  for (const path of ["data", "new", "new/data"].map((name) => join(directory, name))) {
    await expect(start(path)).rejects.toThrow(
      `directory ${path} cannot be used: it is on a file system that can only be read; choose another one`,
    );
  }
});

test.skipIf(!canMount()).each(["new", "used"])("a full disk, where the directory is %s", async (kind) => {
  const directory = temporaryDirectory();
  const disk = new SmallDisk(directory, 64);
  const data = join(directory, "data");
  if (kind === "used") await (await CollectorProcess.start(data, undefined, { keepFree: 0 })).stop();
  // A store that is there opens with less.
  for (const mebibytes of kind === "new" ? [0, 0.05, 0.1, 1] : [0]) {
    if (mebibytes === 0) disk.fill();
    else disk.fillBut(mebibytes);
    const failed = await CollectorProcess.startToDie(data, undefined, { keepFree: 0 });
    if (failed instanceof CollectorProcess) throw new Error(`the collector has started with ${mebibytes} MiB`);
    expect(failed.log).toMatch(
      /the disk of \/\S+\/data(\/store)? is full: \d+ KiB are free, and a collector needs 2048 KiB to start; make room there, or choose another directory/,
    );
    const left = existsSync(data) ? readdirSync(data) : [];
    expect(left.filter((name) => name.startsWith("collector.json"))).toEqual([]);
    disk.free();
  }
  expect(await (await CollectorProcess.start(data, undefined, { keepFree: 0 })).stop()).toBe(0);
});

test("a dashboard that has not been built", async () => {
  const directory = temporaryDirectory();
  await expect(start(temporaryDirectory(), { dashboardDirectory: directory })).rejects.toThrow(
    `there is no dashboard in ${directory}: index.html is missing`,
  );
});
