import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeFrames, encodeFrame } from "./frames.ts";
import { defaultSpoolLimits, Spool } from "./spool.ts";

const opening = Buffer.from("hello");
const message = (sequence: number, size = 100) => Buffer.alloc(size, `message ${sequence} `);

let directory: string;
let notices: string[];
const notice = (line: string) => notices.push(line);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "moescope-spool-"));
  notices = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const create = (limits = {}) =>
  Spool.create(directory, "run.0.0", opening, notice, { ...defaultSpoolLimits, ...limits });
const frameFiles = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".frames"))
    .sort();

function fill(spool: Spool, upTo: number): Spool {
  while (spool.last < upTo) expect(spool.append(message(spool.last + 1))).toBe(true);
  return spool;
}

function expectMessages(spool: Spool, first: number, last: number): void {
  for (let sequence = first; sequence <= last; sequence++) expect(spool.read(sequence)).toEqual(message(sequence));
}

/** What a later process finds when this one is killed now: the files as they are. */
function recover(spool: Spool) {
  return Spool.recover(spool.folder!, notice);
}

test("messages come back in order, from memory and from files already closed", () => {
  const spool = fill(create({ fileBytes: 1000 }), 50);
  expect(frameFiles(spool.folder!).length).toBeGreaterThan(4);
  expectMessages(spool, 1, 50);
  expect(spool.read(3)).toEqual(message(3));
});

test("nothing is created before the first message", () => {
  create();
  expect(readdirSync(directory)).toEqual([]);
});

test("acknowledged messages give their room back, also while others wait", () => {
  const spool = fill(create({ fileBytes: 1000 }), 50);
  const before = spool.bytes;
  spool.acknowledge(25);
  expect(spool.bytes).toBeLessThan(before * 0.65);
  expectMessages(spool, 26, 50);
  spool.acknowledge(50);
  expect(spool.bytes).toBe(0);
  expect(frameFiles(spool.folder!).every((name) => statSync(join(spool.folder!, name)).size === 0)).toBe(true);
  expectMessages(fill(spool, 60), 51, 60);
});

test("an acknowledgement never goes back, nor beyond what there is", () => {
  const spool = fill(create(), 5);
  spool.acknowledge(3);
  spool.acknowledge(1);
  expect(spool.acknowledged).toBe(3);
  spool.acknowledge(99);
  expect(spool.acknowledged).toBe(5);
});

describe("after the process was killed", () => {
  test("every message that was appended is found, with its opening", () => {
    const spool = fill(create({ fileBytes: 1000 }), 50);
    spool.acknowledge(20);
    const recovered = recover(spool)!;
    expect(Buffer.from(recovered.opening)).toEqual(opening);
    expect(recovered.spool.last).toBe(50);
    expect(recovered.spool.acknowledged).toBeLessThanOrEqual(20);
    expectMessages(recovered.spool, recovered.spool.acknowledged + 1, 50);
  });

  test("a write torn at any byte costs that message alone", () => {
    const spool = fill(create(), 3);
    const path = join(spool.folder!, frameFiles(spool.folder!)[0]!);
    const whole = readFileSync(path);
    for (let size = whole.length - 1; size > (whole.length / 3) * 2; size--) {
      truncateSync(path, size);
      expect(recover(spool)!.spool.last).toBe(2);
    }
    expectMessages(recover(spool)!.spool, 1, 2);
  });

  test("bytes that were never a frame are not taken for one", () => {
    const spool = fill(create(), 3);
    const path = join(spool.folder!, frameFiles(spool.folder!)[0]!);
    appendFileSync(path, Buffer.alloc(64));
    expect(recover(spool)!.spool.last).toBe(3);
    // Left over from a time when the file was longer: whole, but of another sequence.
    appendFileSync(path, encodeFrame({ sequence: 2, message: message(2) }));
    expect(recover(spool)!.spool.last).toBe(3);
  });

  test("a damaged message is named when it is read, and those before it are intact", () => {
    const spool = fill(create({ fileBytes: 1000 }), 30);
    const path = join(spool.folder!, frameFiles(spool.folder!)[1]!);
    const file = readFileSync(path);
    const { sequence } = decodeFrames(file)[2]!;
    file[(file.length / decodeFrames(file).length) * 2 + 40]! ^= 1;
    writeFileSync(path, file);
    const recovered = recover(spool)!.spool;
    expectMessages(recovered, 1, sequence - 1);
    expect(() => recovered.read(sequence)).toThrow(`message ${sequence} is damaged in ${path}`);
  });

  test("a folder without a message, or without a whole opening, is nothing to send", () => {
    const spool = fill(create(), 3);
    spool.acknowledge(3);
    expect(recover(spool)).toBeUndefined();
    const torn = fill(create(), 3);
    truncateSync(join(torn.folder!, "opening"), 5);
    expect(recover(torn)).toBeUndefined();
  });
});

describe("a disk that takes no more", () => {
  test("its limit: messages wait in memory, then are dropped, and are written when there is room again", () => {
    const spool = create({ diskBytes: 1000, memoryBytes: 500, fileBytes: 400 });
    let kept = 0;
    while (spool.append(message(kept + 1))) kept++;
    expect(spool.bytes).toBeLessThanOrEqual(1000);
    expect(spool.last).toBe(kept);
    expect(notices).toEqual([expect.stringMatching(/cannot be written: it has reached its limit of 1000 bytes/)]);
    // A lost message leaves no gap in the numbers.
    expectMessages(spool, 1, kept);
    spool.acknowledge(8);
    expect(spool.append(message(kept + 1))).toBe(true);
    expect(notices[1]).toMatch(/takes messages again/);
    expectMessages(recover(spool)!.spool, 9, kept + 1);
  });

  test("a folder that cannot be made: messages wait in memory", () => {
    writeFileSync(join(directory, "file"), "");
    const spool = Spool.create(join(directory, "file"), "run.0.0", opening, notice);
    expectMessages(fill(spool, 10), 1, 10);
    expect(notices).toEqual([expect.stringMatching(/cannot be written: (EEXIST|ENOTDIR)/)]);
    spool.acknowledge(4);
    expectMessages(spool, 5, 10);
    expect(spool.folder).toBeUndefined();
    spool.release();
  });

  test.skipIf(!canMount())(
    "a full file system: said once, bounded, over when there is room (needs the right to mount)",
    () => {
      const disk = join(directory, "disk");
      mkdirSync(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
      const spool = Spool.create(disk, "run.0.0", opening, notice, { ...defaultSpoolLimits, memoryBytes: 20_000 });
      try {
        expectFullDiskIsSurvived(spool);
      } finally {
        spool.remove();
        execFileSync("umount", [disk]);
      }
    },
  );
});

function expectFullDiskIsSurvived(spool: Spool): void {
  const whole = (sequence: number) => message(sequence, 1000);
  while (spool.append(whole(spool.last + 1)));
  expect(notices).toEqual([expect.stringMatching(/cannot be written: ENOSPC/)]);
  for (let sequence = 1; sequence <= spool.last; sequence++) expect(spool.read(sequence)).toEqual(whole(sequence));
  const { last } = spool;
  // Killed on the full disk: what was written is whole.
  const found = recover(spool)!.spool.last;
  expect(found).toBeGreaterThan(200);
  expect(found).toBeLessThan(last);
  spool.acknowledge(found);
  expect(spool.append(whole(last + 1))).toBe(true);
  expect(notices[1]).toMatch(/takes messages again/);
  expect(recover(spool)!.spool.last).toBe(last + 1);
}

function canMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), "moescope-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true });
  }
}
