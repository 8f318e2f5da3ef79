import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findCollector, startCollector } from "./index.ts";
import { TEST_OPTIONS, temporaryDirectory, testCollector } from "./testing/collector.ts";
import { CollectorProcess } from "./testing/collector-process.ts";

test("a running collector is found by its directory, until it stops", async () => {
  const dataDirectory = temporaryDirectory();
  expect(await findCollector(dataDirectory)).toBeUndefined();
  const { httpAddress, grpcAddress, stop } = await testCollector({ dataDirectory });
  expect(await findCollector(dataDirectory)).toEqual({ pid: process.pid, httpAddress, grpcAddress, tls: false });
  await stop();
  expect(await findCollector(dataDirectory)).toBeUndefined();
  expect(existsSync(join(dataDirectory, "collector.json"))).toBe(false);
});

test("a second collector on the same directory refuses, naming the first", async () => {
  const dataDirectory = temporaryDirectory();
  const owner = await CollectorProcess.start(dataDirectory);
  const message = new RegExp(`belongs to the running collector at http://${owner.httpAddress} \\(pid ${owner.pid}\\)`);
  await expect(startCollector({ ...TEST_OPTIONS, dataDirectory })).rejects.toThrow(message);
  await expect(CollectorProcess.start(dataDirectory)).rejects.toThrow(message);
  expect(await findCollector(dataDirectory)).toMatchObject({ pid: owner.pid });
});

test("within one process too", async () => {
  const { dataDirectory } = await testCollector();
  await expect(startCollector({ ...TEST_OPTIONS, dataDirectory })).rejects.toThrow(`pid ${process.pid}`);
});

test("what a killed collector leaves behind holds up nobody", async () => {
  const dataDirectory = temporaryDirectory();
  const killed = await CollectorProcess.start(dataDirectory);
  await killed.kill();
  expect(existsSync(join(dataDirectory, "collector.json"))).toBe(true);
  expect(await findCollector(dataDirectory)).toBeUndefined();
  await testCollector({ dataDirectory });
});

test("another process that has got the pid of a killed collector is not taken for it", async () => {
  const dataDirectory = temporaryDirectory();
  const killed = await CollectorProcess.start(dataDirectory);
  await killed.kill();
  const file = join(dataDirectory, "collector.json");
  // This process lives, but it is not the one that wrote the file.
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), pid: process.pid }));
  expect(await findCollector(dataDirectory)).toBeUndefined();
  await testCollector({ dataDirectory });
});

test("a file that is none of ours is replaced", async () => {
  const dataDirectory = temporaryDirectory();
  writeFileSync(join(dataDirectory, "collector.json"), "{}");
  await testCollector({ dataDirectory });
  expect(await findCollector(dataDirectory)).toBeDefined();
});

test("even without the file, two collectors never share a store", async () => {
  const dataDirectory = temporaryDirectory();
  await CollectorProcess.start(dataDirectory);
  spawnSync("rm", [join(dataDirectory, "collector.json")]);
  await expect(CollectorProcess.start(dataDirectory)).rejects.toThrow(
    /store in .* cannot be opened \(does another process use it\?\)/,
  );
});
