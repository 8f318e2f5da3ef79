import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { type Batch, type Corpus, openCorpus } from "./corpus.ts";
import { batchesOf, shape, textsOf, useDataFolder } from "./data-folder.fixture.ts";
import { readInstalledPackages } from "./installed-packages.ts";

const folder = useDataFolder();

/** Of the first token of each row. */
const rowCategories = ({ categories }: Batch) => [...categories].filter((_, token) => token % 65 === 0);

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
    const root = join(folder.path, "installed");
    const body = (tag: string) => `// ${tag}\n`.repeat(20);
    for (const copy of ["esm/thing.mjs", "cjs/thing.cjs", "types/thing.d.ts"])
      folder.write(`installed/node_modules/@a/b/${copy}`, body(copy));
    folder.write("installed/node_modules/c/node_modules/@a/b/lib/thing.js", body("nested"));
    folder.write("installed/node_modules/c/again.js", body("nested"));
    folder.write("installed/node_modules/c/bundle.min.js", body("minified"));
    folder.write("installed/node_modules/c/one-line.js", "x=1;".repeat(500));
    folder.write("installed/node_modules/c/binary.js", new Uint8Array(40));
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
      folder.write(`many/${file}.txt`, `${String.fromCharCode(97 + (file % 26))}${file} `.repeat(50));
    const corpus = await folder.open(join(folder.path, "many/*.txt"));
    const files = (text: string) => text.match(/[a-z]\d+/g) ?? [];
    const validation = new Set(textsOf(...corpus.validation).flatMap((row) => files(row).slice(1, -1)));
    for (let step = 0; step < 50; step++) {
      for (const row of textsOf(corpus.batchAt(step))) {
        for (const file of files(row).slice(1, -1)) expect(validation.has(file), file).toBe(false);
      }
    }
    expect(validation.size).toBeGreaterThan(1);
  });

  test("of one file the end is held out", async () => {
    const corpus = await folder.open(folder.write("one.txt", `${"a".repeat(5000)}${"b".repeat(500)}`));
    expect(corpus.describe()[0]).toMatchObject({ files: 1, origin: expect.stringContaining("held out") });
    expect(textsOf(...corpus.validation).join("")).not.toContain("a");
  });

  test("a fingerprint is the same for every seed, batch and order, and another for any other text", async () => {
    const text = Array.from({ length: 400 }, (_, line) => `line ${line} of a text\n`).join("");
    const glob = folder.write("print.txt", text);
    const of = async (changed: Partial<Parameters<typeof openCorpus>[0]>, sources = [{ category: "mine", glob }]) =>
      (await openCorpus({ ...shape, sources, ...changed })).fingerprint;
    const fingerprint = await of({});
    expect(fingerprint).toMatch(/^[0-9a-f]{12}$/);
    expect(await of({ seed: 9, batch: 3, sequence: 20, order: "by-category", validationBatches: 0 })).toBe(fingerprint);
    const others = [
      await of({}, [{ category: "yours", glob }]),
      await of({}, [{ category: "mine", glob: folder.write("print.txt", `${text}.`) }]),
      await of({}, [{ category: "mine", glob: folder.write("print.txt", text.replaceAll("line", "Line")) }]),
      await of({}, [{ category: "maths" }] as never),
      await of({}, [{ category: "shapes" }] as never),
    ];
    expect(new Set([fingerprint, ...others]).size).toBe(6);
  });

  test("weights set the shares", async () => {
    const glob = folder.write("weighted.txt", "text ".repeat(100));
    const sources = [{ category: "mine", glob, weight: 3 }, { category: "maths" }];
    const corpus = await openCorpus({ ...shape, sources });
    expect(corpus.describe().map(({ share }) => share)).toEqual([0.75, 0.25]);
    for (let step = 0; step < 20; step++)
      expect(rowCategories(corpus.batchAt(step)).filter((category) => category === 0)).toHaveLength(6);
  });

  test("what cannot be used is refused, naming it and what is allowed", async () => {
    await expect(folder.open(join(folder.path, "*.nothing"))).rejects.toThrow(/no file matches ".*\.nothing"/);
    await expect(folder.open(folder.write("nul.txt", "ab\0cd".repeat(100)))).rejects.toThrow(
      /nul\.txt is a binary file \(NUL at byte 2\)/,
    );
    await expect(folder.open(folder.write("latin.txt", Uint8Array.from([0x61, 0xe9, 0x61])))).rejects.toThrow(
      /latin\.txt is not valid UTF-8/,
    );
    await expect(folder.open(folder.write("short.txt", "few"))).rejects.toThrow(
      /4 bytes of text are too few.*65 bytes/,
    );
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
    await expect(folder.open("/proc/self/mem")).rejects.toThrow(/proc\/self\/mem cannot be read: EIO/);
  });

  test("a link that leads nowhere is named", async () => {
    symlinkSync(join(folder.path, "gone"), join(folder.path, "dangling.txt"));
    await expect(folder.open(join(folder.path, "dangling.txt"))).rejects.toThrow(/dangling\.txt/);
  });
});

describe("text validated on files of its own", () => {
  test("is trained on whole, without the files to validate on", async () => {
    for (const letter of "abc") folder.write(`own/${letter}.txt`, letter.repeat(300));
    folder.write("own/held/d.txt", "d".repeat(300));
    const corpus = await folder.open(join(folder.path, "own/**/*.txt"), { heldOut: join(folder.path, "own/held/*") });
    const letters = (batches: Batch[]) =>
      new Set(
        textsOf(...batches)
          .join("")
          .replaceAll("\0", ""),
      );
    expect(letters(batchesOf(corpus, 30))).toEqual(new Set("abc"));
    expect(letters(corpus.validation)).toEqual(new Set("d"));
    expect(corpus.describe()[0]).toMatchObject({ files: 3, tokens: 903, heldOutTokens: 301 });
  });

  test("is refused when one side has too little", async () => {
    const [long, short] = [folder.write("long.txt", "l".repeat(200)), folder.write("short.txt", "s")];
    const few = (side: string) => new RegExp(`2 bytes of text for ${side} are too few; a sequence of 65 bytes`);
    await expect(folder.open(long, { heldOut: short })).rejects.toThrow(few("validation"));
    await expect(folder.open(short, { heldOut: long })).rejects.toThrow(few("training"));
    await expect(folder.open(long, { heldOut: "none/*" })).rejects.toThrow(/--validation: no file matches "none\/\*"/);
    await expect(folder.open(long, { heldOut: long })).rejects.toThrow(/leaves no file of ".*long\.txt" to train on/);
  });
});

describe("the order of the rows", () => {
  test("by category, a batch has the same rows as shuffled, one category after the other", async () => {
    const [shuffled, sorted] = [await openCorpus(shape), await openCorpus({ ...shape, order: "by-category" })];
    let moved = 0;
    for (let step = 0; step < 10; step++) {
      const [mixed, tidy] = [shuffled.batchAt(step), sorted.batchAt(step)];
      expect(textsOf(tidy).sort()).toEqual(textsOf(mixed).sort());
      const categories = rowCategories(tidy);
      expect(categories).toEqual([...categories].sort());
      expect(categories).toEqual(rowCategories(mixed).sort());
      if (textsOf(tidy).join() !== textsOf(mixed).join()) moved++;
    }
    expect(moved).toBeGreaterThan(5);
  });

  test("any other is refused", async () => {
    await expect(openCorpus({ ...shape, order: "random" })).rejects.toThrow(
      'data.order is "random"; allowed are shuffled and by-category',
    );
  });
});

test("a tokeniser makes the tokens of every source, those of generated ones too", async () => {
  const tokenizer = fileURLToPath(new URL("../../golden/data/byte-level-bpe.tokenizer.json", import.meta.url));
  const glob = folder.write("bpe.txt", "A router chooses experts for every token.\n".repeat(200));
  const corpus = await openCorpus({
    ...shape,
    sources: [{ category: "mine", glob }, { category: "maths" }],
    tokenizer,
  });
  expect(corpus.vocabulary).toBe(320);
  expect(corpus.describe()[0]!.tokens).toBeLessThan(4000);
  const tokens = batchesOf(corpus, 5).flatMap((batch) => [...batch.tokens]);
  // Some are merges: above the 256 bytes and the end of a text.
  for (const category of [0, 1]) {
    const own = batchesOf(corpus, 5).flatMap((batch) =>
      [...batch.tokens].filter((_, i) => batch.categories[i] === category),
    );
    expect(own.filter((token) => token > 256).length / own.length).toBeGreaterThan(0.1);
  }
  expect(Math.max(...tokens)).toBeLessThan(320);
});

test("a text named image cannot stand beside images, one named text is counted with the captions", async () => {
  const glob = folder.write("any.txt", "words ".repeat(100));
  const shapes = { category: "shapes" };
  await expect(openCorpus({ ...shape, sources: [shapes, { category: "image", glob }] })).rejects.toThrow(
    'Text named "image" beside images',
  );
  const { categories } = await openCorpus({ ...shape, sources: [{ category: "text", glob }, shapes] });
  expect(categories).toEqual(["text", "image"]);
});
