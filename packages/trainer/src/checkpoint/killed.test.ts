import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "./checkpoint.fixture.ts";
import { newestCheckpoint } from "./run-folder.ts";

const program = fileURLToPath(new URL("./writing-process.fixture.mjs", import.meta.url));

interface Lived {
  attempt: number;
  from: number;
  /** The last step that it said was kept. */
  kept: number;
  damaged: string[];
}

/** Lets a process write checkpoints until so many are kept, and kills it somewhere in one of the next. */
async function killSomewhere(folder: string, values: number, after: number, milliseconds: number): Promise<Lived> {
  const child = spawn(process.execPath, [program, folder, String(values)], { stdio: ["ignore", "pipe", "inherit"] });
  const lived: Lived = { attempt: -1, from: -1, kept: -1, damaged: [] };
  let checkpoints = 0;
  for await (const line of createInterface(child.stdout)) {
    const [word, value = ""] = line.split(/ (.*)/s);
    if (word === "damaged") lived.damaged.push(value);
    else lived[word as "attempt" | "from" | "kept"] = Number(value);
    // The moment within a write is left to chance.
    if (word === "kept" && ++checkpoints === after) setTimeout(() => child.kill("SIGKILL"), milliseconds);
  }
  return lived;
}

test("killed again and again at any moment: the newest checkpoint is whole, and nothing that was kept is lost", async () => {
  const folder = temporaryFolder();
  let known = 0;
  const attempts: number[] = [];
  const leftUnfinished: number[] = [];
  for (let round = 0; round < 15; round++) {
    const values = [10, 10_000, 500_000][round % 3]!;
    const lived = await killSomewhere(folder, values, 1 + Math.floor(Math.random() * 4), Math.random() * 8);
    attempts.push(lived.attempt);
    expect(lived.damaged).toEqual([]);
    expect(lived.from).toBeGreaterThanOrEqual(known);

    const notices: string[] = [];
    const { record, state } = newestCheckpoint(folder, (line) => notices.push(line));
    expect(notices).toEqual([]);
    expect(record.step).toBeGreaterThanOrEqual(lived.kept);
    expect(state[0]!.values.every((value) => value === record.step)).toBe(true);
    expect(state.at(-1)!.values[0]).toBe(record.step);
    known = record.step;
    leftUnfinished.push(readdirSync(folder).filter((name) => name.startsWith(".unfinished-")).length);
  }
  expect(attempts).toEqual(attempts.map((_, index) => index));
  // Otherwise no kill met a write, and this test has shown nothing.
  expect(Math.max(...leftUnfinished)).toBeGreaterThan(0);
});
