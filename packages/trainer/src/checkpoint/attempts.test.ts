import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attemptsOf, claimAttempt } from "./attempts.ts";
import { temporaryFolder } from "./checkpoint.fixture.ts";

const silent = () => {};

test("attempts are numbered from 0, each once, and leave nothing else behind", () => {
  const folder = join(temporaryFolder(), "run");
  expect([1, 2, 3].map(() => claimAttempt(folder, silent))).toEqual([0, 1, 2]);
  expect(readdirSync(folder).sort()).toEqual(["attempt-0000", "attempt-0001", "attempt-0002"]);
  expect(attemptsOf(folder)).toBe(3);
});

test("while the attempt before runs there is no next one; once it is killed there is", async () => {
  const folder = temporaryFolder();
  const other = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  await once(other, "spawn");
  const stat = readFileSync(`/proc/${other.pid}/stat`, "latin1");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  writeFileSync(join(folder, "attempt-0000"), `${other.pid}.${start}.${hostname()}`);
  expect(() => claimAttempt(folder, silent)).toThrow(`process ${other.pid} still trains this run`);
  expect(readdirSync(folder)).toEqual(["attempt-0000"]);
  other.kill("SIGKILL");
  await once(other, "exit");
  expect(claimAttempt(folder, silent)).toBe(1);
});

test("a folder that cannot be written is named", () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  expect(() => claimAttempt(join(file, "run"), silent)).toThrow(`${file}/run cannot be written: ENOTDIR`);
});

test("an attempt made on another machine may still run: it says so and goes on", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "attempt-0004"), "1.1.elsewhere");
  const notices: string[] = [];
  expect(claimAttempt(folder, (line) => notices.push(line))).toBe(5);
  expect(notices).toEqual([expect.stringMatching(/Attempt 4 .* elsewhere/)]);
});
