import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findCollector, startCollector } from "./index.ts";
import { TEST_OPTIONS, temporaryDirectory, testCollector } from "./testing/collector.ts";
import { CollectorProcess, canContain } from "./testing/collector-process.ts";

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

test("what a killed collector leaves behind holds up no other", async () => {
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

describe.skipIf(!canContain())("in containers that share the directory", () => {
  const contained = (dataDirectory: string) => CollectorProcess.startToDie(dataDirectory, undefined, {}, true);
  const inContainer = (dataDirectory: string) => CollectorProcess.start(dataDirectory, undefined, {}, true);

  test("a second collector refuses, naming the first, from another container and from outside", async () => {
    const dataDirectory = temporaryDirectory();
    const owner = await inContainer(dataDirectory);
    const file = () => JSON.parse(readFileSync(join(dataDirectory, "collector.json"), "utf8"));
    const before = file();
    // Both are process 1 of their own.
    expect(before.pid).toBe(1);
    const message = new RegExp(
      `belongs to the running collector at http://${owner.httpAddress} \\(pid 1 on ${hostname()}\\)`,
    );
    const second = await contained(dataDirectory);
    if (second instanceof CollectorProcess) throw new Error("a second collector has started");
    expect(second.log).toMatch(message);
    await expect(startCollector({ ...TEST_OPTIONS, dataDirectory })).rejects.toThrow(message);
    expect(await findCollector(dataDirectory)).toMatchObject({ httpAddress: owner.httpAddress });
    expect(file()).toEqual(before);
  });

  test("what a killed collector leaves behind holds up others for a few seconds", async () => {
    const dataDirectory = temporaryDirectory();
    await (await inContainer(dataDirectory)).kill();
    expect(existsSync(join(dataDirectory, "collector.json"))).toBe(true);
    expect(await findCollector(dataDirectory)).toBeUndefined();
    const next = await inContainer(dataDirectory);
    expect(await findCollector(dataDirectory)).toMatchObject({ httpAddress: next.httpAddress });
    expect(await next.stop()).toBe(0);
    expect(existsSync(join(dataDirectory, "collector.json"))).toBe(false);
  });
});

test("a collector on another machine is known by the touches of its file", async () => {
  const dataDirectory = temporaryDirectory();
  const file = join(dataDirectory, "collector.json");
  const owner = { id: "a", pid: 1, startedAt: "then", space: "there", host: "node-7", httpAddress: "10.0.0.7:4680" };
  writeFileSync(file, JSON.stringify({ ...owner, grpcAddress: "10.0.0.7:4681" }));
  const touching = setInterval(() => utimesSync(file, new Date(), new Date()), 100);
  try {
    const started = startCollector({ ...TEST_OPTIONS, dataDirectory });
    await expect(started).rejects.toThrow("running collector at http://10.0.0.7:4680 (pid 1 on node-7)");
    expect(await findCollector(dataDirectory)).toMatchObject({ httpAddress: "10.0.0.7:4680" });
  } finally {
    clearInterval(touching);
  }
  await testCollector({ dataDirectory });
});

test("a collector whose file another one has taken leaves it alone", async () => {
  const { dataDirectory, stop } = await testCollector();
  const file = join(dataDirectory, "collector.json");
  const another = JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), id: "another" });
  writeFileSync(file, another);
  await stop();
  expect(readFileSync(file, "utf8")).toBe(another);
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
