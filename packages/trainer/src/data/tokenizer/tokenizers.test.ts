// Tokens of every kind of part that a `tokenizer.json` can name, against those of Python's `tokenizers` (tools/tokenizer-fixtures).
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FilePart } from "./file-part.ts";
import { normalizerOf } from "./normalizers.ts";
import { preTokenizerOf } from "./pre-tokenizers.ts";
import { readTokenizerFile } from "./tokenizer-file.ts";
import { fixture, type Values } from "./tokenizers.fixture.ts";

/** What is refused, by the words that say so. A kind that is read becomes equal and leaves this list; none joins it. */
const refused: Record<string, RegExp> = {
  "pre_tokenizer UnicodeScripts": /tokenizer\.json\.pre_tokenizer has type "UnicodeScripts", which is not supported/,
  "pre_tokenizer Split regex possessive group": /the possessive "\+\+" after a group is not supported/,
  "pre_tokenizer Split regex atomic": /an atomic group is not supported/,
  "pre_tokenizer Split regex ignoring case from here": /what it is made of \(.*\(\?i\)hello.*\) is not supported/,
  "pre_tokenizer Split regex extended": /"\(\?x: w o r d \)": \(\?x: is not supported/,
  "pre_tokenizer Split regex keep": /"wo\\\\Krd": \\K is not supported/,
  "pre_tokenizer Split regex previous end": /\\G is not supported/,
  "pre_tokenizer Split regex line break": /what it is made of \(.*\\R.*\) is not supported/,
  "pre_tokenizer Split regex cluster": /what it is made of \(.*\\X.*\) is not supported/,
  "pre_tokenizer Split regex ignoring case ligature": /"st" in any case is not supported/,
  "pre_tokenizer Split regex ignoring case umlaut": /"é" in any case is not supported/,
  "BPE dropout": /tokenizer\.json\.model has dropout = 0\.5, tokens drawn by chance, which is not supported/,
  ...Object.fromEntries(
    ["Strip", "Replace two by one", "Replace by nothing", "StripAccents", "Nmt"].map((name) => {
      return [`Metaspace first after ${name}`, /prepend_scheme "first" after a normalizer that may change where/];
    }),
  ),
};

describe("ids are those of Python's tokenizers", () => {
  test.each(Object.entries(fixture.tokenizers))("%s", (name, { file, ids }) => {
    const words = refused[name];
    if (words) {
      expect(() => readTokenizerFile("tokenizer.json", file)).toThrow(words);
      return;
    }
    const tokenizer = readTokenizerFile("tokenizer.json", file);
    expect(ids).toHaveLength(fixture.texts.length);
    for (const [index, text] of fixture.texts.entries()) {
      const expected = ids[index];
      if (expected === null)
        expect(() => tokenizer.encode(text), text).toThrow(/tokenizer\.json\.model has [\s\S]*unk_/);
      else expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(expected);
    }
  });

  test("the list of what is refused names nothing that is not there", () => {
    expect(Object.keys(refused).filter((name) => !(name in fixture.tokenizers))).toEqual([]);
  });
});

describe("every character is treated as there", () => {
  const blocks = fixture.characters.known.map(charactersIn);

  const swept = fixture.characters.swept.map(
    (step) => [JSON.stringify(step.normalizer ?? step.pre_tokenizer), step] as const,
  );

  test.each(swept)("%s", (_, { normalizer, pre_tokenizer, digests }) => {
    const lineOf = normalizer ? normalizedLine(normalizer) : splitLine(pre_tokenizer!);
    const found = blocks.map((characters) => digest(characters.map(lineOf)));
    const differing = found.flatMap((own, index) => (own === digests[index] ? [] : [`from ${blocks[index]![0]}`]));
    expect(differing).toEqual([]);
  });
});

function normalizedLine(values: Values): (character: string) => string {
  const normalize = normalizerOf(new FilePart("normalizer", values));
  return (character) => normalize(`a${character}b`);
}

/** Lengths of the pieces in characters. */
function splitLine(values: Values): (character: string) => string {
  const preTokenize = preTokenizerOf(new FilePart("pre_tokenizer", values));
  return (character) => {
    const { texts } = preTokenize({ texts: [`a${character} ${character}1${character}.`], fromBeginning: true });
    return texts.map((text) => [...text].length).join(",");
  };
}

function charactersIn(distances: readonly number[]): string[] {
  const characters: string[] = [];
  let code = 0;
  for (let index = 0; index < distances.length; index += 2) {
    const first = code + distances[index]!;
    code = first + distances[index + 1]!;
    for (let each = first; each <= code; each++) characters.push(String.fromCodePoint(each));
  }
  return characters;
}

function digest(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 8);
}
