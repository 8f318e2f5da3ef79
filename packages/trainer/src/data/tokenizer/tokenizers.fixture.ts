// Small tokenizers of every kind and what Python's `tokenizers` makes of texts with them; tools/tokenizer-fixtures writes it.
import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

export type Values = Record<string, unknown>;

interface Fixture {
  texts: string[];
  /** No ids where the library draws them by chance; null where it finds no token for a text. */
  tokenizers: Record<string, { file: Values; ids: (number[] | null)[] }>;
  characters: {
    /** Of each block the distances between first and last characters of ranges. */
    known: number[][];
    swept: { normalizer?: Values; pre_tokenizer?: Values; digests: string[] }[];
  };
}

const path = new URL("../../../golden/tokenizers/tokenizers.json.br", import.meta.url);

export const fixture = JSON.parse(brotliDecompressSync(readFileSync(path)).toString()) as Fixture;
