// What makes tokens of a piece of text: one file for each kind of model that a `tokenizer.json` can name.
import { bpeOf } from "./bpe.ts";
import { type FilePart, kindOf } from "./file-part.ts";
import type { Model } from "./model.ts";
import { unigramOf } from "./unigram.ts";
import { wordLevelOf, wordPieceOf } from "./words.ts";

const kinds: Record<string, (part: FilePart) => Model> = {
  BPE: bpeOf,
  WordPiece: wordPieceOf,
  WordLevel: wordLevelOf,
  Unigram: unigramOf,
};

/** Pieces that are kept with their tokens, and how long they may be. */
const kept = { pieces: 50_000, length: 256 };

/** @throws DataError when the kind is not known or its settings are wrong */
export function modelOf(part: FilePart): Model {
  const model = "type" in part.values ? kindOf(part, kinds)(part) : kinds[typeOf(part)]!(part);
  const known = new Map<string, readonly number[]>();
  return {
    ...model,
    encode(text) {
      if (text.length > kept.length) return model.encode(text);
      const ids = known.get(text) ?? model.encode(text);
      if (known.size < kept.pieces) known.set(text, ids);
      return ids;
    },
  };
}

/** Of files that do not say: older ones. */
function typeOf({ values }: FilePart): string {
  if ("merges" in values) return "BPE";
  if (Array.isArray(values.vocab)) return "Unigram";
  return "max_input_chars_per_word" in values && "continuing_subword_prefix" in values ? "WordPiece" : "WordLevel";
}
