import { copyFileSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { useDataFolder } from "./data-folder.fixture.ts";
import { piecesOfText } from "./documents.ts";
import { bytes, openTokenizer, widthOf } from "./tokenizer.ts";

const golden = new URL("../../golden/data/", import.meta.url);
const path = (name: string) => fileURLToPath(new URL(`${name}.tokenizer.json`, golden));
const folder = useDataFolder();

type Expected = { samples: string[] } & Record<string, { vocabulary: number; ids: number[][] }>;
const expected = JSON.parse(readFileSync(new URL("token-ids.json", golden), "utf8")) as Expected;

test.each([
  ["byte-level-bpe", "<|endoftext|>"],
  ["word-piece", "[SEP]"],
  ["unigram", "</s>"],
])("%s makes the same tokens as Hugging Face's own library", (name, end) => {
  const tokenizer = openTokenizer(path(name));
  expect(tokenizer.vocabulary).toBe(expected[name]!.vocabulary);
  for (const [index, text] of expected.samples.entries()) {
    expect(tokenizer.encode(text), text).toEqual(expected[name]!.ids[index]);
  }
  expect(tokenizer.encode(end)).toEqual([tokenizer.end]);
});

test("a long text is cut where the tokens do not change, whatever its lines are like", () => {
  const tokenizer = openTokenizer(path("byte-level-bpe"));
  const lines = expected.samples.slice(0, 5).join("\n\n  ").repeat(90);
  const pieces = [...piecesOfText(lines, false)];
  expect(pieces.length).toBeGreaterThan(2);
  expect(pieces.map(({ last }) => last)).toEqual(pieces.map((_, index) => index === pieces.length - 1));
  expect(pieces.flatMap(({ text }) => [...Array.from(tokenizer.encode(text))])).toEqual(tokenizer.encode(lines));
});

test.each(["byte-level-bpe", "word-piece", "unigram"])(
  "a text of paragraphs is cut where no token of %s changes",
  (name) => {
    const tokenizer = openTokenizer(path(name));
    const paragraph = expected.samples[0]!;
    for (const between of ["\n\n", "\n\n\n", "\n", " "]) {
      const text = Array.from({ length: 400 }, (_, n) => paragraph.slice(n % 50)).join(between);
      const pieces = [...piecesOfText(text, false)];
      expect(pieces.length).toBeGreaterThan(2);
      expect(pieces.flatMap((piece) => Array.from(tokenizer.encode(piece.text)))).toEqual(tokenizer.encode(text));
    }
  },
);

test("without line ends it is cut between characters", () => {
  const text = `a${"😀".repeat(20_000)}`;
  const pieces = [...piecesOfText(text, true)].map((piece) => piece.text);
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.join("")).toBe(text);
  expect(pieces.join("|")).toBe(Buffer.from(pieces.join("|")).toString());
});

test("tokenizer_config.json beside it names the end of a text", () => {
  const own = folder.write("own/tokenizer.json", "");
  copyFileSync(path("word-piece"), own);
  for (const eos of ["[MASK]", { content: "[MASK]", lstrip: false }]) {
    folder.write("own/tokenizer_config.json", JSON.stringify({ eos_token: eos }));
    expect(openTokenizer(own).end).toBe(4);
  }
  expect(openTokenizer(own).key).not.toBe(openTokenizer(path("word-piece")).key);
});

test("bytes are tokens of their own", () => {
  expect([...Array.from(bytes.encode("é"))]).toEqual([0xc3, 0xa9]);
  expect([bytes, openTokenizer(path("unigram")), { ...bytes, vocabulary: 257 }].map(widthOf)).toEqual([1, 1, 2]);
  expect(widthOf({ ...bytes, vocabulary: 2 ** 16 + 1 })).toBe(4);
});

test("a byte order mark, as editors on Windows write it, is no part of a tokenizer.json", () => {
  const own = folder.write("marked/tokenizer.json", `\uFEFF${readFileSync(path("unigram"), "utf8")}`);
  expect(openTokenizer(own).encode("experts")).toEqual(openTokenizer(path("unigram")).encode("experts"));
});

test("what is no tokeniser is refused", () => {
  expect(() => openTokenizer("/nowhere/tokenizer.json")).toThrow(/\/nowhere\/tokenizer\.json cannot be read: ENOENT/);
  expect(() => openTokenizer(folder.write("text.json", "hello"))).toThrow(/text\.json is not JSON/);
  for (const wrong of ["{}", "null", "[]", '{"model": {"type": "Other", "vocab": {}}}']) {
    expect(() => openTokenizer(folder.write("other.json", wrong))).toThrow(
      /other\.json is no tokenizer\.json that can be used: .*; BPE, WordPiece and Unigram/,
    );
  }
});
