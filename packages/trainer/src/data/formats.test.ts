// Every format of text, through to the batches.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { batchesOf, textsOf, useDataFolder } from "./data-folder.fixture.ts";
import { piecesOfFile } from "./documents.ts";
import { isHeldOut } from "./held-out.ts";
import { findFiles } from "./source-files.ts";

const folder = useDataFolder();
const golden = fileURLToPath(new URL("../../golden/data/", import.meta.url));

const texts = Array.from({ length: 200 }, (_, n) => `<${n}> ${"caf\u00e9 ".repeat(n % 9)}line one\nline two`);
const jsonLines = (field: string) => texts.map((text) => JSON.stringify({ id: 1, [field]: text })).join("\n");

/** Documents with their side. */
async function documentsIn(path: string, field = "text"): Promise<{ text: string; heldOut: boolean }[]> {
  const documents: { text: string; heldOut: boolean }[] = [];
  let text = "";
  for (const file of await findFiles("--data", path)) {
    for await (const piece of piecesOfFile(file, field)) {
      text += piece.text;
      if (!piece.last) continue;
      documents.push({ text, heldOut: piece.heldOut });
      text = "";
    }
  }
  return documents;
}

const split = (some: string[]) => some.map((text) => ({ text, heldOut: isHeldOut(text) }));

describe("JSONL", () => {
  test.each([
    ["a.jsonl", "text", `${jsonLines("text")}\n`],
    ["a.ndjson", "content", jsonLines("content").replaceAll("\n", "\r\n\n")],
    ["a.jsonl.gz", "text", gzipSync(jsonLines("text"))],
  ])("%s holds a document a line, on the side that its text decides", async (name, field, content) => {
    expect(await documentsIn(folder.write(name, content), field)).toEqual(split(texts));
  });

  test("of a field of an object in the object, by its dotted name, unless a field has that name", async () => {
    const nested = texts.map((text) => JSON.stringify({ meta: { text }, "meta.id": text.length, id: 1 })).join("\n");
    expect(await documentsIn(folder.write("nested.jsonl", nested), "meta.text")).toEqual(split(texts));
    const both = texts.map((text) => JSON.stringify({ meta: { text: "no" }, "meta.text": text })).join("\n");
    expect(await documentsIn(folder.write("both.jsonl", both), "meta.text")).toEqual(split(texts));
    await expect(documentsIn(folder.write("deep.jsonl", nested), "meta.text.length")).rejects.toThrow(/is missing/);
  });

  test("what is held out is never trained on, and ends of documents are marked", async () => {
    const corpus = await folder.open(folder.write("split.jsonl", jsonLines("text")));
    const numbers = (rows: string[]) => rows.flatMap((row) => row.match(/(?<=\0<)\d+(?=>)/g) ?? []);
    const sides = [batchesOf(corpus, 60), corpus.validation].map((side) => numbers(textsOf(...side)).map(Number));
    for (const [index, side] of sides.entries()) {
      expect(side.length).toBeGreaterThan(3);
      for (const number of side) expect(isHeldOut(texts[number]!)).toBe(index === 1);
    }
  });

  test.each([
    ["not JSON", '{"text": "a"}\nhello\n', /bad\.jsonl:2 is not JSON: hello; one object a line/],
    ["no object", "[1]", /bad\.jsonl:1 is no object: \[1\]/],
    ["another field", '{"body": "a", "id": 7}', /bad\.jsonl:1: field "text" is missing; fields with text: body/],
    ["a number", '\n\n{"text": 7}', /bad\.jsonl:3: field "text" is no text \(7\); it has no field with text/],
  ])("%s is refused with file and line", async (_, content, message) => {
    await expect(folder.open(folder.write("bad.jsonl", content))).rejects.toThrow(message);
  });

  test("bytes that are not UTF-8 are refused", async () => {
    const path = folder.write("latin.jsonl", Uint8Array.from([0x22, 0xe9, 0x22]));
    await expect(folder.open(path)).rejects.toThrow(/latin\.jsonl is not valid UTF-8/);
  });
});

describe("Parquet", () => {
  const stored = Array.from({ length: 60 }, (_, n) => `Document ${n}: ${"caf\u00e9 \u65e5\u672c ".repeat(n % 7)}`);

  test.each(["none", "snappy", "gzip", "brotli", "zstd", "lz4"])("compressed with %s", async (name) => {
    const path = join(golden, `${name}.parquet`);
    expect(await documentsIn(path)).toEqual(split(stored));
    expect(await documentsIn(path, "body")).toEqual(split(stored.map((text) => text.toUpperCase())));
  });

  test("of a column, though a struct before it has a field of its name, and of fields by their dotted names", async () => {
    const path = join(golden, "struct.parquet");
    expect(await documentsIn(path)).toEqual(split(stored));
    expect(await documentsIn(path, "meta.text")).toEqual(split(stored.map((text) => text.toLowerCase())));
    expect(await documentsIn(path, "meta.inner.note")).toEqual(split(stored.map((_, n) => String(n))));
    await expect(documentsIn(path, "page")).rejects.toThrow(
      /column "page" holds no text; columns with text: meta\.text, meta\.inner\.note, text; choose one/,
    );
  });

  test("that is encrypted is said to be", async () => {
    await expect(documentsIn(join(golden, "encrypted.parquet"))).rejects.toThrow(/encrypted\.parquet is encrypted/);
    const path = join(golden, "encrypted-column.parquet");
    await expect(documentsIn(path)).rejects.toThrow(/encrypted-column\.parquet is encrypted/);
  });

  test("what cannot be read is refused, naming what is allowed", async () => {
    const parquet = join(golden, "snappy.parquet");
    await expect(folder.open(parquet, { field: "txt" })).rejects.toThrow(
      /snappy\.parquet: column "txt" is missing; columns with text: text, body; choose one with --data name:column=glob/,
    );
    await expect(folder.open(parquet, { field: "number" })).rejects.toThrow(/column "number" holds no text/);
    await expect(folder.open(join(golden, "null.parquet"))).rejects.toThrow(
      /null\.parquet, row 1: column "text" is null; text is allowed/,
    );
    const cut = folder.write("cut.parquet", readFileSync(parquet).subarray(0, 2000));
    await expect(folder.open(cut)).rejects.toThrow(/cut\.parquet cannot be read as Parquet/);
  });
});

describe("a file called .json", () => {
  const lines = jsonLines("content");

  test.each(["web.json", "web.json.gz"])(
    "is read as JSON Lines where it holds them and the field is named: %s",
    async (name) => {
      const path = folder.write(name, name.endsWith(".gz") ? gzipSync(lines) : lines);
      const seen = async (field?: string) => textsOf(...batchesOf(await folder.open(path, { field }), 9)).join("");
      expect(await seen("content")).not.toContain('"content"');
      expect(await seen()).toContain('"content"');
    },
  );

  test("is read as JSON Lines where an object has a text, and as it is where it is one value", async () => {
    const some = folder.write("some.json", jsonLines("text"));
    expect(textsOf(...batchesOf(await folder.open(some), 9)).join("")).not.toContain('"text"');
    const one = folder.write(
      "one.json",
      JSON.stringify(
        texts.map((text) => ({ text })),
        undefined,
        2,
      ),
    );
    expect(textsOf(...batchesOf(await folder.open(one), 9)).join("")).toContain('"text"');
  });

  test("with a field that nothing has is refused, as any other text is", async () => {
    for (const [name, content] of [
      ["plain.txt", "a".repeat(9000)],
      ["list.json", "[1]"],
      ["plain.txt.gz", gzipSync("a")],
    ] as const) {
      await expect(folder.open(folder.write(name, content), { field: "text" })).rejects.toThrow(
        /--data mine:text=.* has no field "text": only JSON Lines and Parquet have fields/,
      );
    }
  });
});

describe("gzip", () => {
  const text = Array.from({ length: 9000 }, (_, n) => `line ${n} of caf\u00e9`).join("\n");

  test("of text is one document, on the side that its name decides", async () => {
    const path = folder.write("long.txt.gz", gzipSync(text));
    expect(await documentsIn(path)).toEqual([{ text, heldOut: isHeldOut(path) }]);
  });

  test("what is damaged or no text is refused", async () => {
    const gz = (name: string, bytes: Uint8Array) => folder.open(folder.write(name, bytes));
    await expect(gz("plain.gz", Buffer.from("hello"))).rejects.toThrow(/plain\.gz is not valid gzip: incorrect header/);
    await expect(gz("cut.gz", gzipSync(text).subarray(0, 500))).rejects.toThrow(/cut\.gz is not valid gzip/);
    await expect(gz("nul.gz", gzipSync("a\0b"))).rejects.toThrow(/nul\.gz is a binary file/);
    await expect(gz("latin.gz", gzipSync(Uint8Array.of(0xe9, 0x61)))).rejects.toThrow(/latin\.gz is not valid UTF-8/);
  });
});

test("formats may be mixed under one name", async () => {
  folder.write("mixed/a.txt", "a".repeat(9000));
  folder.write("mixed/b.txt.gz", gzipSync("b".repeat(9000)));
  folder.write("mixed/c.jsonl", JSON.stringify({ text: "c".repeat(9000) }));
  const corpus = await folder.open(join(folder.path, "mixed/*"));
  expect(corpus.describe()[0]).toMatchObject({ files: 3 });
  const seen = new Set(textsOf(...batchesOf(corpus, 20), ...corpus.validation).join(""));
  expect(seen).toEqual(new Set(["a", "b", "c", "\0"]));
});

test("any batch of prepared data can be drawn without the ones before it", async () => {
  const path = folder.write("any.jsonl", jsonLines("text"));
  const [one, other] = [await folder.open(path), await folder.open(path)];
  batchesOf(one, 7);
  expect(other.batchAt(7)).toEqual(one.batchAt(7));
  expect(other.batchAt(7).tokens).not.toEqual(one.batchAt(8).tokens);
});
