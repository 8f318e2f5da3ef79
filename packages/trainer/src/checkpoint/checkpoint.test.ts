import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { snapshotOf, stateOf, temporaryFolder } from "./checkpoint.fixture.ts";
import { modelFile, recordFile, stateFile } from "./checkpoint.ts";
import { readCheckpoint } from "./read-checkpoint.ts";
import { listCheckpoints, newestCheckpoint, removeOldCheckpoints, removeUnfinished } from "./run-folder.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

const silent = () => {};

/** Changes one byte in the middle of a file. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.length - 6;
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, Uint8Array.of(bytes[at]! ^ 1), 0, 1, at);
  closeSync(descriptor);
}

test("what is written is read back: every value, and whose it is", () => {
  const folder = join(temporaryFolder(), "deep", "quick-run");
  const path = writeCheckpoint(folder, snapshotOf(800));
  expect(path).toBe(join(folder, "step-00000800"));
  expect(readdirSync(path).sort()).toEqual([recordFile, modelFile, stateFile]);
  const { record, state } = readCheckpoint(path);
  expect(state).toEqual(stateOf(800));
  expect(record).toMatchObject({ ...snapshotOf(800).record, files: { [modelFile]: { bytes: expect.any(Number) } } });
});

test("a step that a later attempt repeats has a place of its own, and counts as newer", () => {
  const folder = temporaryFolder();
  for (const [step, attempt] of [
    [40, 1],
    [20, 0],
    [60, 0],
  ] as const)
    writeCheckpoint(folder, snapshotOf(step, { attempt }));
  expect(readdirSync(folder).sort()).toEqual(["step-00000020", "step-00000040.1", "step-00000060"]);
  expect(listCheckpoints(folder).map(({ step }) => step)).toEqual([20, 60, 40]);
  expect(newestCheckpoint(folder, silent).record.step).toBe(40);
  expect(newestCheckpoint(folder, silent, 60).record.attempt).toBe(0);
});

test("keeps the newest ones", () => {
  const folder = temporaryFolder();
  for (const step of [10, 20, 30]) writeCheckpoint(folder, snapshotOf(step));
  removeOldCheckpoints(folder, 2);
  expect(readdirSync(folder).sort()).toEqual(["step-00000020", "step-00000030"]);
});

test("what a killed process left unfinished is no checkpoint, and goes", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, ".unfinished-step-00000030"));
  writeFileSync(join(folder, ".unfinished-step-00000030", modelFile), "half");
  writeCheckpoint(folder, snapshotOf(20));
  expect(newestCheckpoint(folder, silent).record.step).toBe(20);
  removeUnfinished(folder);
  expect(readdirSync(folder)).toEqual(["step-00000020"]);
});

test("a checkpoint that cannot be written leaves nothing behind", () => {
  const folder = temporaryFolder();
  writeCheckpoint(folder, snapshotOf(20));
  expect(() => writeCheckpoint(folder, snapshotOf(20))).toThrow(/ENOTEMPTY/);
  expect(readdirSync(folder)).toEqual(["step-00000020"]);
});

describe("a damaged checkpoint", () => {
  const files = [modelFile, stateFile, recordFile];
  const harms: [string, (file: string) => void, RegExp][] = [
    [
      "with a byte changed",
      damage,
      /is damaged or missing: its SHA-256 is \w+ instead of|is damaged or missing: .*JSON/,
    ],
    ["cut short", (file) => writeFileSync(file, readFileSync(file).subarray(0, -9)), /bytes instead of|JSON/],
    ["that is gone", (file) => rmSync(file), /ENOENT/],
    ["that is empty", (file) => writeFileSync(file, ""), /0 bytes instead of|JSON/],
  ];
  const cases = files.flatMap((file) => harms.map(([what, harm, says]) => [file, what, harm, says] as const));

  test.each(cases)("is refused by name: %s %s; the one before it is taken", (file, _what, harm, says) => {
    const folder = temporaryFolder();
    writeCheckpoint(folder, snapshotOf(20));
    const damaged = join(writeCheckpoint(folder, snapshotOf(40)), file);
    harm(damaged);
    const notices: string[] = [];
    expect(newestCheckpoint(folder, (line) => notices.push(line)).record.step).toBe(20);
    expect(notices).toEqual([expect.stringMatching(says)]);
    expect(notices[0]).toContain(damaged);
  });

  test("when there is no other, it says that none can be read", () => {
    const folder = temporaryFolder();
    damage(join(writeCheckpoint(folder, snapshotOf(40)), modelFile));
    expect(() => newestCheckpoint(folder, silent)).toThrow(
      /holds no checkpoint that can be read; there are those of step 40/,
    );
    expect(() => newestCheckpoint(folder, silent, 7)).toThrow(/no checkpoint of step 7/);
    expect(() => newestCheckpoint(join(folder, "none"), silent)).toThrow(/there is none at all/);
  });

  test("of a later format is refused", () => {
    const folder = temporaryFolder();
    const record = join(writeCheckpoint(folder, snapshotOf(40)), recordFile);
    writeFileSync(record, readFileSync(record, "utf8").replace('"format": 1', '"format": 2'));
    expect(() => readCheckpoint(dirname(record))).toThrow(/has format 2; this version of moescope reads format 1/);
  });
});
