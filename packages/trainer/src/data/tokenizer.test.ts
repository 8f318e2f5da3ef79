import { readFileSync } from "node:fs";
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
  const lines = expected.samples.slice(0, 5).join("\n\n  ").repeat(1600);
  const pieces = [...piecesOfText(lines, false)];
  expect(pieces.length).toBeGreaterThan(2);
  expect(pieces.map(({ last }) => last)).toEqual(pieces.map((_, index) => index === pieces.length - 1));
  const ids = pieces.flatMap(({ text }) => Array.from(tokenizer.encode(text)));
  expect(ids.join() === Array.from(tokenizer.encode(lines)).join()).toBe(true);
});

test.each(["byte-level-bpe", "word-piece", "unigram"])(
  "a text of paragraphs is cut where no token of %s changes",
  (name) => {
    const tokenizer = openTokenizer(path(name));
    const paragraph = expected.samples[0]!;
    for (const between of ["\n\n\n", " "]) {
      const length = Math.ceil(1_600_000 / paragraph.length);
      const text = Array.from({ length }, (_, n) => paragraph.slice(n % 50)).join(between);
      const pieces = [...piecesOfText(text, false)];
      expect(pieces.length).toBeGreaterThan(2);
      const ids = pieces.flatMap((piece) => Array.from(tokenizer.encode(piece.text)));
      expect(ids.join() === Array.from(tokenizer.encode(text)).join()).toBe(true);
    }
  },
);

test("without line ends it is cut between characters", () => {
  const text = `a${"😀".repeat(600_000)}`;
  const pieces = [...piecesOfText(text, true)].map((piece) => piece.text);
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.join("")).toBe(text);
  expect(pieces.join("|")).toBe(Buffer.from(pieces.join("|")).toString());
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
  for (const [wrong, what] of [
    ["{}", /other\.json has no model/],
    ["null", /other\.json holds null; an object is allowed/],
    ["[]", /other\.json holds \[\]; an object is allowed/],
    ['{"model": []}', /other\.json\.model is \[\]; an object is allowed/],
    [
      '{"model": {"type": "Other", "vocab": {}}}',
      /other\.json\.model has type "Other", which is not supported; supported: BPE, WordPiece, WordLevel, Unigram/,
    ],
    ['{"model": {"vocab": {"a": -1}, "unk_token": "a"}}', /other\.json\.model has vocab\["a"\] = -1; whole numbers/],
  ] as const) {
    expect(() => openTokenizer(folder.write("other.json", wrong))).toThrow(what);
  }
});

const wordLevel = { model: { type: "WordLevel", vocab: { a: 0, "[UNK]": 1 }, unk_token: "[UNK]" } };

test.each([
  [
    "normalizer",
    { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Rot13" }] },
    /normalizer\.normalizers\[1\] has type "Rot13"/,
  ],
  [
    "normalizer",
    { type: "Strip", strip_left: 1, strip_right: true },
    /normalizer has strip_left = 1; true or false is allowed/,
  ],
  ["normalizer", { type: "Precompiled", precompiled_charsmap: "AAAA" }, /a precompiled_charsmap that is cut off/],
  ["pre_tokenizer", { type: "Sequence", pretokenizers: [{ type: "Words" }] }, /pretokenizers\[0\] has type "Words"/],
  [
    "pre_tokenizer",
    { type: "Punctuation", behavior: "MergedWithBoth" },
    /behavior = "MergedWithBoth"; Removed, Isolated/,
  ],
  ["pre_tokenizer", { type: "FixedLength", length: 0 }, /length = 0; whole numbers from 1/],
  ["pre_tokenizer", { pattern: {} }, /pre_tokenizer has type = undefined/],
  ["post_processor", { type: "Sequence", processors: [{ type: "Around" }] }, /processors\[0\] has type "Around"/],
  ["decoder", { type: "Sequence", decoders: [{ type: "Backwards" }] }, /decoders\[0\] has type "Backwards"/],
  [
    "added_tokens",
    [{ id: 7, content: "<s>" }],
    /added_tokens\[0\] has id = 7, where Hugging Face tokenizers number "<s>" 2/,
  ],
])("an unknown or wrong %s is refused by its place: %j", (name, part, what) => {
  const file = folder.write("part.json", JSON.stringify({ ...wordLevel, [name]: part }));
  expect(() => openTokenizer(file)).toThrow(what);
});

test("a file without a type of its model is read as the kind that its fields are of", () => {
  const ids = (model: object) => openTokenizer(folder.write("old.json", JSON.stringify({ model }))).encode("ab");
  const vocab = { "[UNK]": 0, a: 1, b: 2, ab: 3, "##b": 4 };
  expect(ids({ vocab, merges: ["a b"] })).toEqual([3]);
  expect(ids({ vocab, merges: [] })).toEqual([1, 2]);
  expect(
    ids({
      vocab: [
        ["[UNK]", 0],
        ["a", -1],
        ["b", -1],
      ],
      unk_id: 0,
    }),
  ).toEqual([1, 2]);
  const words = { ...vocab, ab: undefined, unk_token: undefined };
  expect(ids({ vocab: { ...words }, unk_token: "[UNK]" })).toEqual([0]);
  const pieces = { continuing_subword_prefix: "##", max_input_chars_per_word: 100 };
  expect(ids({ vocab: { ...words }, unk_token: "[UNK]", ...pieces })).toEqual([1, 4]);
});
