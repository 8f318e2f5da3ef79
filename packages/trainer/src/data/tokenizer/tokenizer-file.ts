// A `tokenizer.json` as what it does: tokens of a text, and the text of a token. The ids are those of Python's `tokenizers`.
import { type AddedToken, addedTokensOf, finderOf } from "./added-tokens.ts";
import { decoderOf } from "./decoder.ts";
import { FilePart, kindOf } from "./file-part.ts";
import type { Model } from "./model.ts";
import { modelOf } from "./models.ts";
import { movesBeginning, type Normalize, normalizerOf } from "./normalizers.ts";
import { asksForBeginning, type PreTokenize, preTokenizerOf } from "./pre-tokenizers.ts";

export interface TokenizerFile {
  /** Number of different tokens: one more than the largest. */
  readonly vocabulary: number;
  idOf(token: string): number | undefined;
  /** As a token is written in the file. */
  contentOf(id: number): string | undefined;
  /** Without the tokens that stand around a whole input, such as [CLS], and neither cut nor filled up to a length. */
  encode(text: string): number[];
  decode(id: number): string;
}

/** Kinds of what puts tokens around an input; here they are never put. */
const postProcessors = {
  ByteLevel: true,
  BertProcessing: true,
  RobertaProcessing: true,
  TemplateProcessing: true,
  Sequence: true,
};

/**
 * @param values of the parsed file
 * @throws DataError that names the part which is not supported, or is wrong
 */
export function readTokenizerFile(path: string, values: Record<string, unknown>): TokenizerFile {
  const file = new FilePart(path, values);
  const model = modelOf(file.part("model"));
  const tokens = addedTokensOf(file, model.vocabulary);
  checkPostProcessor(file.optionalPart("post_processor"));
  const ids = new Map([...model.vocabulary, ...tokens.map(({ content, id }) => [content, id] as const)]);
  const contents: string[] = [];
  for (const [token, id] of ids) contents[id] = token;
  const decoder = file.optionalPart("decoder");
  const decode = decoder ? decoderOf(decoder, model.suffix) : (token: string) => token;
  const added = new Set(tokens.map(({ id }) => id));
  return {
    vocabulary: contents.length,
    idOf: (token) => ids.get(token),
    contentOf: (id) => contents[id],
    encode: encoderOf(file, model, tokens),
    decode: (id) => (added.has(id) ? contents[id]! : decode(contents[id] ?? "")),
  };
}

function encoderOf(file: FilePart, model: Model, tokens: readonly AddedToken[]): (text: string) => number[] {
  const { normalize, preTokenize } = stepsOf(file);
  const ofText = tokens.filter(({ normalized }) => !normalized);
  const findInText = finderOf(file, ofText, (content) => content);
  const findInNormalized = finderOf(
    file,
    tokens.filter(({ normalized }) => normalized),
    normalize,
  );
  return (text) => {
    const ids: number[] = [];
    for (const section of findInText(text)) {
      if ("token" in section) {
        ids.push(section.token.id);
        continue;
      }
      for (const part of findInNormalized(normalize(section.text))) {
        if ("token" in part) ids.push(part.token.id);
        else encodePart(part.text, section.start + part.start === 0, ids);
      }
    }
    return ids;
  };

  function encodePart(text: string, fromBeginning: boolean, ids: number[]): void {
    for (const piece of preTokenize({ texts: [text], fromBeginning }).texts) {
      for (const id of model.encode(piece)) ids.push(id);
    }
  }
}

function stepsOf(file: FilePart): { normalize: Normalize; preTokenize: PreTokenize } {
  const normalizer = file.optionalPart("normalizer");
  const preTokenizer = file.optionalPart("pre_tokenizer");
  if (preTokenizer && normalizer && asksForBeginning(preTokenizer) && movesBeginning(normalizer)) {
    preTokenizer.refuse(
      'has Metaspace with prepend_scheme "first" after a normalizer that may change where the text begins, which is not supported',
    );
  }
  return {
    normalize: normalizer ? normalizerOf(normalizer) : (text) => text,
    preTokenize: preTokenizer ? preTokenizerOf(preTokenizer) : (pieces) => pieces,
  };
}

function checkPostProcessor(part: FilePart | undefined): void {
  if (!part) return;
  kindOf(part, postProcessors);
  if (part.type === "Sequence") part.parts("processors").forEach(checkPostProcessor);
}
