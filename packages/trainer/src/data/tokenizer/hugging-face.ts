// What is used of Hugging Face's library for JavaScript: its translation of Oniguruma's regular expressions, and its decoders. Its
// normalizers, splits and models are other ones than those of Python's `tokenizers`; tools/decisions/0024 says where.
import { Tokenizer } from "@huggingface/tokenizers";

interface Parts {
  pre_tokenizer: { pattern: RegExp };
  decoder: { decode_chain(tokens: string[]): string[] };
}

/** @throws SyntaxError when it cannot be translated */
export function translateOniguruma(source: string): RegExp {
  const split = { type: "Split", pattern: { Regex: source }, behavior: "Isolated", invert: false };
  return parts({ pre_tokenizer: split }).pre_tokenizer.pattern;
}

/** @param config of a decoder whose kind the library knows */
export function createDecoder(config: object): (tokens: string[]) => string[] {
  const { decoder } = parts({ decoder: config });
  return (tokens) => decoder.decode_chain(tokens);
}

/** The library makes parts of a whole file alone, and does not declare what they are. */
function parts(given: { pre_tokenizer?: object; decoder?: object }): Parts {
  const none = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  const model = { type: "WordPiece", vocab: {}, unk_token: "" };
  return new Tokenizer({ ...none, model, ...given }, {}) as unknown as Parts;
}
