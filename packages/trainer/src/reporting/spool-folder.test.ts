import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimAbandonedSpools, createSpoolFolder, keepRefusedSpool, releaseSpoolFolder } from "./spool-folder.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "moescope-folders-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const leave = (owner: string) => mkdirSync(join(directory, `run.0.0-cafe~${owner}`));

test("a living owner keeps its spool, another reporter of this process included", async () => {
  createSpoolFolder(directory, "mine");
  const other = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  await once(other, "spawn");
  const start = startTicks(other.pid!);
  leave(`${other.pid}.${start}.${hostname()}`);
  expect(claimAbandonedSpools(directory)).toEqual([]);
  other.kill("SIGKILL");
  await once(other, "exit");
  expect(claimAbandonedSpools(directory)).toHaveLength(1);
});

test("a spool of a dead process is taken over once", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  leave(`${pid}.1.${hostname()}`);
  const [folder] = claimAbandonedSpools(directory);
  expect(readdirSync(directory)).toEqual([basename(folder!)]);
  expect(claimAbandonedSpools(directory)).toEqual([]);
});

// Only Linux tells when a process started.
test.runIf(process.platform === "linux")("a process number that was used again does not protect a spool", () => {
  leave(`${process.pid}.12345.${hostname()}`);
  expect(claimAbandonedSpools(directory)).toHaveLength(1);
});

test("a spool of another machine is left alone: its process may be alive", () => {
  leave("1.1.elsewhere");
  expect(claimAbandonedSpools(directory)).toEqual([]);
});

test("a released spool is taken over, a refused one is not", () => {
  releaseSpoolFolder(createSpoolFolder(directory, "released"));
  keepRefusedSpool(createSpoolFolder(directory, "refused"));
  expect(claimAbandonedSpools(directory).map((folder) => basename(folder))).toEqual([
    expect.stringMatching(/^released-/),
  ]);
});

test("a directory that does not exist holds no spool, and names of runs cannot leave the directory", () => {
  expect(claimAbandonedSpools(join(directory, "none"))).toEqual([]);
  createSpoolFolder(directory, "../../a/b~c");
  expect(readdirSync(directory)).toEqual([expect.stringMatching(/^\.\._\.\._a_b_c-/)]);
});

function startTicks(pid: number): number {
  if (process.platform !== "linux") return 0;
  const { stdout } = spawnSync("cut", ["-d)", "-f2-", `/proc/${pid}/stat`], { encoding: "utf8" });
  return Number(stdout.trim().split(" ")[19]);
}
