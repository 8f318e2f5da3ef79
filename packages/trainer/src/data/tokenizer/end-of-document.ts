// The token that stands after every document: what the user says, what the files of the model say, or a name that is known.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "../data-error.ts";
import { readJson } from "./json-file.ts";

/** Of `data.end`: what the files say, and no token at all. Anything else is a token itself. */
export const endChoices = { automatic: "auto", none: "none" } as const;

/** How tokenizers name the end of a text, where no file says it. */
const knownNames = [
  "<|endoftext|>",
  "<|end_of_text|>",
  "<\uff5cend\u2581of\u2581sentence\uff5c>",
  "</s>",
  "<eos>",
  "<|eos|>",
  "<|endofdocument|>",
  "<|im_end|>",
  "[EOS]",
  "[EOD]",
  "[SEP]",
];

interface Tokens {
  idOf(token: string): number | undefined;
  has(id: number): boolean;
}

/**
 * @param choice `data.end`
 * @param path of the `tokenizer.json`; `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json` and `config.json`
 *   beside it are asked in this order
 * @param notice hears when documents are joined without a mark, or a file names what is no token
 * @throws DataError when the choice is no token
 */
export function endOfDocument(
  choice: string,
  path: string,
  tokens: Tokens,
  notice: (line: string) => void,
): number | undefined {
  if (choice === endChoices.none) return undefined;
  if (choice !== endChoices.automatic) return chosen(choice, path, tokens);
  const end = fromFiles(dirname(path), tokens, notice) ?? first(knownNames.map(tokens.idOf));
  if (end === undefined) {
    notice(
      `No token ends a document, so documents are joined without a mark: no eos_token beside ${path}; --set data.end=TOKEN names one`,
    );
  }
  return end;
}

function chosen(token: string, path: string, tokens: Tokens): number {
  const id = tokens.idOf(token);
  if (id !== undefined) return id;
  throw new DataError(
    `data.end is "${token}", which is no token of ${path}; allowed are its tokens, "${endChoices.automatic}" and "${endChoices.none}"`,
  );
}

function fromFiles(folder: string, tokens: Tokens, notice: (line: string) => void): number | undefined {
  for (const name of ["tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "config.json"]) {
    const file = join(folder, name);
    if (!existsSync(file)) continue;
    const { eos_token, eos_token_id } = readJson(file);
    const token = contentOf(eos_token);
    const id = token === undefined ? undefined : tokens.idOf(token);
    if (id !== undefined) return id;
    if (token !== undefined) notice(`${file} names "${token}" as eos_token, which the tokenizer does not have`);
    // Of several the first: those after it end a turn of a chat.
    const numbered = first([eos_token_id].flat().filter((number) => typeof number === "number" && tokens.has(number)));
    if (numbered !== undefined) return numbered as number;
  }
  return undefined;
}

/** `eos_token` is a text, or an object that holds it. */
function contentOf(eos: unknown): string | undefined {
  const content = typeof eos === "object" && eos !== null ? (eos as { content?: unknown }).content : eos;
  return typeof content === "string" ? content : undefined;
}

function first<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}
