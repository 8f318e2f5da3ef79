// What a token is: a byte, or what a Hugging Face `tokenizer.json` makes of the text.
import { createHash } from "node:crypto";
import { DataError } from "./data-error.ts";
import type { TokenWidth } from "./stored-tokens.ts";
import { endChoices, endOfDocument } from "./tokenizer/end-of-document.ts";
import { parseJson, readText } from "./tokenizer/json-file.ts";
import { readTokenizerFile, type TokenizerFile } from "./tokenizer/tokenizer-file.ts";

export interface Tokenizer {
  /** Differs between tokenisers that make different tokens of one text. */
  readonly key: string;
  /** Number of different tokens: one more than the largest. */
  readonly vocabulary: number;
  /** What a token is, in the plural. */
  readonly unit: "bytes" | "tokens";
  /** Stands after every document; absent when the tokeniser has no such token. */
  readonly end?: number;
  /**
   * Without the tokens that a tokeniser puts around a whole input, such as [CLS].
   *
   * @throws DataError when the text holds something unknown, and there is no token for that
   */
  encode(text: string): ArrayLike<number>;
  /** The text that a token stands for; U+FFFD where it is only a part of a character. */
  textOf(token: number): string;
}

export interface TokenizerOptions {
  /** A token that stands after every document, or one of `endChoices`; `auto` when absent. */
  end?: string;
  /** Hears a line when documents have no end. */
  notice?: (line: string) => void;
}

/** The end is NUL, which no text file contains. */
export const bytes: Tokenizer = {
  key: "bytes",
  vocabulary: 256,
  unit: "bytes",
  end: 0,
  encode: (text) => Buffer.from(text),
  textOf: (token) => (token < 0x80 ? String.fromCharCode(token) : "\ufffd"),
};

/** Part of the key: raised when the same file is read as other tokens than before, so that data is prepared again. */
const readingVersion = 2;

/**
 * @param path a `tokenizer.json`; files beside it name the end of a document
 * @throws DataError when it cannot be read, or describes no tokeniser that is supported
 */
export function openTokenizer(
  path: string,
  { end: choice = endChoices.automatic, notice }: TokenizerOptions = {},
): Tokenizer {
  const text = readText(path);
  const file = readTokenizerFile(path, parseJson(text, path));
  const has = (id: number) => file.contentOf(id) !== undefined;
  const end = endOfDocument(choice, path, { idOf: file.idOf, has }, notice ?? (() => {}));
  return {
    key: createHash("sha256")
      .update(JSON.stringify([readingVersion, end]))
      .update(text)
      .digest("hex"),
    vocabulary: file.vocabulary,
    unit: "tokens",
    ...(end !== undefined && { end }),
    encode: file.encode,
    textOf: (token) => textOf(file, token),
  };
}

export function widthOf({ vocabulary }: Tokenizer): TokenWidth {
  if (vocabulary <= 2 ** 8) return 1;
  return vocabulary <= 2 ** 16 ? 2 : 4;
}

/** @throws DataError when the choice of an end is another than theirs */
export function bytesEndedBy(choice: string): Tokenizer {
  if (choice === endChoices.automatic) return bytes;
  throw new DataError(
    `data.end is "${choice}", and bytes are the tokens; "${endChoices.automatic}" is allowed, which is NUL`,
  );
}

/** SentencePiece leaves out the space that a text begins with, and so everything of a token that is only that. */
function textOf(file: TokenizerFile, token: number): string {
  return file.decode(token) || (file.contentOf(token) ?? "").replaceAll("\u2581", " ");
}
