import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { batchesOf, useDataFolder } from "./data-folder.fixture.ts";
import { prepare } from "./prepared-folder.ts";

const folder = useDataFolder();
const lines = Array.from({ length: 300 }, (_, n) =>
  JSON.stringify({ text: `document ${n} ${"word ".repeat(n % 20)}` }),
);

let path: string;
beforeEach(() => {
  rmSync(folder.cache, { recursive: true, force: true });
  folder.notices = [];
  path = folder.write("a.jsonl", lines.join("\n"));
});

const prepared = () => readdirSync(folder.cache).map((name) => join(folder.cache, name));
const notices = () => folder.notices.map((line) => line.replaceAll(folder.path, ""));

describe("what is prepared", () => {
  test("is prepared once, and says how large it is and where it lies", async () => {
    await folder.open(path);
    expect(notices()).toEqual([
      expect.stringMatching(
        /^Preparing mine=\/a\.jsonl, 2\d\.\d kB; kept in \/cache\/moescope\/data for the next run$/,
      ),
      expect.stringMatching(/^Prepared mine=\/a\.jsonl: 1\d\.\d kB in \/cache\/moescope\/data\/[0-9a-f]{32}$/),
    ]);
    await folder.open(path);
    expect(folder.notices).toHaveLength(2);
    expect(prepared()).toHaveLength(1);
  });

  test("is prepared anew when the file, the field or the tokeniser is another", async () => {
    await folder.open(path);
    utimesSync(path, 1, 1);
    await folder.open(path);
    folder.write("a.jsonl", lines.map((line) => line.replace("{", '{"other": "x y z", ')).join("\n"));
    await folder.open(path);
    await folder.open(path, { field: "other" });
    const tokenizer = join(import.meta.dirname, "../../golden/data/word-piece.tokenizer.json");
    await folder.open(path, { tokenizer });
    expect(prepared()).toHaveLength(5);
  });

  test.each<[string, (file: string) => void]>([
    ["cut off", (file) => truncateSync(file, 1000)],
    ["overwritten", (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length, "x"))],
    ["gone", (file) => rmSync(file)],
  ])("is made again when a file of it is %s", async (_, damage) => {
    const batches = batchesOf(await folder.open(path), 5);
    damage(join(prepared()[0]!, "training"));
    expect(batchesOf(await folder.open(path), 5)).toEqual(batches);
    expect(notices()[3]).toMatch(/[0-9a-f]{32} was damaged and is made again$/);
    expect(prepared()).toHaveLength(1);
    await folder.open(path);
    expect(folder.notices).toHaveLength(5);
  });

  test("is made again when its manifest is damaged", async () => {
    await folder.open(path);
    writeFileSync(join(prepared()[0]!, "manifest.json"), '{"trai');
    await folder.open(path);
    expect(folder.notices.join()).toContain("was damaged and is made again");
  });

  test("nothing is left of what could not be finished, by this process or by one that was killed", async () => {
    folder.write("a.jsonl", "no JSON");
    await expect(folder.open(path)).rejects.toThrow(/a\.jsonl:1/);
    expect(prepared()).toEqual([]);
    // No process has this number: it is above the largest that Linux gives.
    mkdirSync(join(folder.cache, "work-of-a-killed-process-999999999"));
    const ofAnother = join(folder.cache, `work-of-another-${process.ppid}`);
    mkdirSync(ofAnother);
    folder.write("a.jsonl", lines.join("\n"));
    await folder.open(path);
    expect(prepared()).toHaveLength(2);
    expect(existsSync(ofAnother)).toBe(true);
  });

  test("two processes may prepare the same at once", async () => {
    const [one, other] = await Promise.all([folder.open(path), folder.open(path)]);
    expect(one.batchAt(3)).toEqual(other.batchAt(3));
    expect(prepared()).toHaveLength(1);
  });

  test("a signal ends it with its reason, and nothing is left", async () => {
    const reason = new Error("interrupted");
    await expect(folder.open(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(prepared()).toEqual([]);
  });
});

test("a cache folder that cannot be written is named, with the way out", async () => {
  vi.stubEnv("XDG_CACHE_HOME", folder.write("file", ""));
  const preparation = { key: 1, what: "a", size: 1, write: async () => {}, notice: () => {} };
  await expect(prepare(preparation)).rejects.toThrow(/cannot be written: .*; XDG_CACHE_HOME names another/);
});
