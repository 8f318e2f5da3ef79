import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Batch, type Corpus, openCorpus } from "./corpus.ts";
import { parseDataSource } from "./data-source.ts";
import { readInstalledPackages } from "./installed-packages.ts";

const shape = { seed: 1, batch: 8, sequence: 64, validationBatches: 3 };
/** Of the first token of each row. */
const rowCategories = ({ categories }: Batch) => [...categories].filter((_, token) => token % 65 === 0);
const rows = (batch: { tokens: Int32Array }) =>
  Array.from({ length: shape.batch }, (_, row) => {
    return Buffer.from(batch.tokens.subarray(row * 65, (row + 1) * 65)).toString("latin1");
  });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moescope-data-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const openGlob = (glob: string) => openCorpus({ ...shape, sources: [{ category: "mine", glob }] });

describe("the built-in corpus", () => {
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await openCorpus(shape);
  });

  test("has the three categories, with enough text to train on", () => {
    expect(corpus.categories).toEqual(["code", "docs", "maths"]);
    const [code, docs] = corpus.describe();
    expect(code!.tokens).toBeGreaterThan(5e6);
    expect(docs!.tokens).toBeGreaterThan(1e6);
    for (const { tokens, heldOutTokens } of [code!, docs!]) {
      expect(heldOutTokens / tokens).toBeGreaterThan(0.01);
      expect(heldOutTokens / tokens).toBeLessThan(0.12);
    }
  });

  test("a batch depends on seed and step alone, so a resumed run needs no history", async () => {
    const other = await openCorpus(shape);
    for (let step = 0; step < 5; step++) corpus.batchAt(step);
    expect(corpus.batchAt(5)).toEqual(other.batchAt(5));
    expect(corpus.batchAt(5).tokens).not.toEqual(corpus.batchAt(6).tokens);
    expect((await openCorpus({ ...shape, seed: 2 })).batchAt(5).tokens).not.toEqual(corpus.batchAt(5).tokens);
  });

  test("validation is the same for every seed", async () => {
    expect((await openCorpus({ ...shape, seed: 2 })).validation).toEqual(corpus.validation);
    expect(corpus.validation).toHaveLength(3);
  });

  test("tokens are bytes", () => {
    const { tokens, categories } = corpus.batchAt(0);
    expect(tokens).toHaveLength(8 * 65);
    expect(categories).toHaveLength(8 * 65);
    for (const [token, category] of categories.entries()) {
      expect(category).toBe(categories[token - (token % 65)]);
    }
    expect(tokens.every((token) => token >= 0 && token < corpus.vocabulary)).toBe(true);
  });

  test("categories are equally weighted in every batch, and mixed", () => {
    const total = [0, 0, 0];
    for (let step = 0; step < 300; step++) {
      const counts = [0, 0, 0];
      for (const category of rowCategories(corpus.batchAt(step))) counts[category]!++;
      expect(counts.every((count) => count === 2 || count === 3)).toBe(true);
      for (const category of counts.keys()) total[category]! += counts[category]!;
    }
    for (const count of total) expect(Math.abs(count - 800)).toBeLessThan(40);
  });

  test("no file is on both sides, and copies of a module are on one side", async () => {
    const root = join(folder, "installed");
    const body = (tag: string) => `// ${tag}\n`.repeat(20);
    for (const copy of ["esm/thing.mjs", "cjs/thing.cjs", "types/thing.d.ts"])
      write(`installed/node_modules/@a/b/${copy}`, body(copy));
    write("installed/node_modules/c/node_modules/@a/b/lib/thing.js", body("nested"));
    write("installed/node_modules/c/again.js", body("nested"));
    write("installed/node_modules/c/bundle.min.js", body("minified"));
    write("installed/node_modules/c/one-line.js", "x=1;".repeat(500));
    write("installed/node_modules/c/binary.js", new Uint8Array(40));
    const names = (await readInstalledPackages("code", root)).map((file) => file.name);
    // `again.js` and the nested `thing.js` have the same bytes, so one of them is left out.
    expect(names).toHaveLength(4);
    expect(names.filter((name) => name === "@a/b/thing").length).toBeGreaterThanOrEqual(3);
    expect(names.every((name) => name === "@a/b/thing" || name === "c/again")).toBe(true);
  });
});

describe("text of the user's", () => {
  test("training and validation never share a file when there are enough of them", async () => {
    for (let file = 0; file < 100; file++)
      write(`many/${file}.txt`, `${String.fromCharCode(97 + (file % 26))}${file} `.repeat(50));
    const corpus = await openGlob(join(folder, "many/*.txt"));
    const files = (text: string) => text.match(/[a-z]\d+/g) ?? [];
    const validation = new Set(corpus.validation.flatMap(rows).flatMap((row) => files(row).slice(1, -1)));
    for (let step = 0; step < 50; step++) {
      for (const row of rows(corpus.batchAt(step))) {
        for (const file of files(row).slice(1, -1)) expect(validation.has(file), file).toBe(false);
      }
    }
    expect(validation.size).toBeGreaterThan(1);
  });

  test("of one file the end is held out", async () => {
    const corpus = await openGlob(write("one.txt", `${"a".repeat(5000)}${"b".repeat(500)}`));
    expect(corpus.describe()[0]).toMatchObject({ files: 1, origin: expect.stringContaining("held out") });
    expect(corpus.validation.flatMap(rows).join("")).not.toContain("a");
  });

  test("weights set the shares", async () => {
    const glob = write("weighted.txt", "text ".repeat(100));
    const sources = [{ category: "mine", glob, weight: 3 }, { category: "maths" }];
    const corpus = await openCorpus({ ...shape, sources });
    expect(corpus.describe().map(({ share }) => share)).toEqual([0.75, 0.25]);
    for (let step = 0; step < 20; step++)
      expect(rowCategories(corpus.batchAt(step)).filter((category) => category === 0)).toHaveLength(6);
  });

  test("what cannot be used is refused, naming it and what is allowed", async () => {
    await expect(openGlob(join(folder, "*.nothing"))).rejects.toThrow(/no file matches ".*\.nothing"/);
    await expect(openGlob(write("nul.txt", "ab\0cd".repeat(100)))).rejects.toThrow(
      /nul\.txt is a binary file \(NUL at byte 2\)/,
    );
    await expect(openGlob(write("latin.txt", Uint8Array.from([0x61, 0xe9, 0x61])))).rejects.toThrow(
      /latin\.txt is not valid UTF-8/,
    );
    await expect(openGlob(write("short.txt", "few"))).rejects.toThrow(/4 bytes of text are too few.*65 bytes/);
    await expect(openCorpus({ ...shape, sources: [{ category: "music" }] })).rejects.toThrow(
      /"music"; there are code, docs, maths/,
    );
    await expect(openCorpus({ ...shape, sources: [{ category: "maths" }, { category: "maths" }] })).rejects.toThrow(
      /given twice/,
    );
    await expect(openCorpus({ ...shape, sources: [{ category: "maths", weight: 0 }] })).rejects.toThrow(/weight 0/);
    await expect(openCorpus({ ...shape, sources: [] })).rejects.toThrow(/No data source/);
  });

  // A file that even root cannot read.
  test.runIf(process.platform === "linux")("an unreadable file is named", async () => {
    await expect(openGlob("/proc/self/mem")).rejects.toThrow(/proc\/self\/mem cannot be read: EIO/);
  });

  test("a link that leads nowhere is named", async () => {
    symlinkSync(join(folder, "gone"), join(folder, "dangling.txt"));
    await expect(openGlob(join(folder, "dangling.txt"))).rejects.toThrow(/dangling\.txt/);
  });
});

test("--data is a name with a glob, or a built-in category", () => {
  expect(parseDataSource("mine=a/**/*.{txt,md}")).toEqual({ category: "mine", glob: "a/**/*.{txt,md}" });
  expect(parseDataSource("mine=a=b.txt")).toEqual({ category: "mine", glob: "a=b.txt" });
  expect(parseDataSource("docs")).toEqual({ category: "docs" });
  for (const wrong of ["mine", "mine=", "code=", "=x", "", "a b=x"])
    expect(() => parseDataSource(wrong)).toThrow(/--data/);
});
