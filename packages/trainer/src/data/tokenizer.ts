// What a token is: a byte, or what a Hugging Face `tokenizer.json` makes of the text.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { DataError, unreadable } from "./data-error.ts";
import type { TokenWidth } from "./stored-tokens.ts";

export interface Tokenizer {
  /** Differs between tokenisers that make different tokens of one text. */
  readonly key: string;
  /** Number of different tokens: one more than the largest. */
  readonly vocabulary: number;
  /** What a token is, in the plural. */
  readonly unit: "bytes" | "tokens";
  /** Stands after every document; absent when the tokeniser has no such token. */
  readonly end?: number;
  /** Without the tokens that a tokeniser puts around a whole input, such as [CLS]. */
  encode(text: string): ArrayLike<number>;
  /** The text that a token stands for; U+FFFD where it is only a part of a character. */
  textOf(token: number): string;
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

/** How tokenisers name the end of a text, where no `tokenizer_config.json` says it. */
const endTokens = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "<|im_end|>", "[SEP]", "[EOS]"];

/**
 * @param path a `tokenizer.json`; a `tokenizer_config.json` beside it names the end of a text
 * @throws DataError when it cannot be read, or describes no tokeniser that is supported
 */
export function openTokenizer(path: string): Tokenizer {
  const text = readText(path);
  const configPath = join(dirname(path), "tokenizer_config.json");
  const configText = existsSync(configPath) ? readText(configPath) : "{}";
  const config = parse(configText, configPath);
  const tokenizer = create(parse(text, path), config, path);
  const ids = [...tokenizer.get_vocab(true).values()];
  const end = endOf(config.eos_token, tokenizer);
  return {
    key: createHash("sha256").update(text).update(configText).digest("hex"),
    vocabulary: ids.reduce((largest, id) => Math.max(largest, id), 0) + 1,
    unit: "tokens",
    ...(end !== undefined && { end }),
    encode: (part) => tokenizer.encode(part, { add_special_tokens: false }).ids,
    textOf: (token) => textOf(tokenizer, token),
  };
}

export function widthOf({ vocabulary }: Tokenizer): TokenWidth {
  if (vocabulary <= 2 ** 8) return 1;
  return vocabulary <= 2 ** 16 ? 2 : 4;
}

function create(json: object, config: object, path: string): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(json, config);
  } catch (cause) {
    throw new DataError(
      `${path} is no tokenizer.json that can be used: ${(cause as Error).message}; BPE, WordPiece and Unigram of Hugging Face tokenizers are allowed`,
      { cause },
    );
  }
}

function textOf(tokenizer: HuggingFaceTokenizer, token: number): string {
  const asItIs = { skip_special_tokens: false, clean_up_tokenization_spaces: false };
  // SentencePiece leaves out the space that a text begins with, and so everything of a token that is only that.
  return tokenizer.decode([token], asItIs) || (tokenizer.id_to_token(token) ?? "").replaceAll("\u2581", " ");
}

/** `eos_token` is a string, or an object that holds it. */
function endOf(eos: unknown, tokenizer: HuggingFaceTokenizer): number | undefined {
  const named = typeof eos === "object" && eos !== null ? (eos as { content?: unknown }).content : eos;
  const candidates = typeof named === "string" ? [named] : endTokens;
  return candidates.map((token) => tokenizer.token_to_id(token)).find((id) => id !== undefined);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    return unreadable(path)(cause);
  }
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")) as Record<string, unknown>;
  } catch (cause) {
    throw new DataError(`${path} is not JSON: ${(cause as Error).message}; a Hugging Face tokenizer.json is allowed`, {
      cause,
    });
  }
}
