// Models that look words up: whole (WordLevel), or the longest known part after part (WordPiece).
import type { FilePart } from "./file-part.ts";
import type { Model } from "./model.ts";

export function wordLevelOf(part: FilePart): Model {
  const vocabulary = part.numbers("vocab");
  const unknown = unknownOf(part, vocabulary);
  return { vocabulary, encode: (word) => [vocabulary.get(word) ?? unknown(word)] };
}

export function wordPieceOf(part: FilePart): Model {
  const vocabulary = part.numbers("vocab");
  const unknown = unknownOf(part, vocabulary);
  const prefix = part.text("continuing_subword_prefix", "##");
  const longest = part.wholeNumber("max_input_chars_per_word", 100);
  const encode = (word: string) => {
    const characters = [...word];
    return (characters.length <= longest && partsOf(characters, prefix, vocabulary)) || [unknown(word)];
  };
  return { vocabulary, encode };
}

/** @returns undefined when a part of the word is not known */
function partsOf(
  characters: readonly string[],
  prefix: string,
  vocabulary: ReadonlyMap<string, number>,
): number[] | undefined {
  const ids: number[] = [];
  for (let start = 0, end = 0; start < characters.length; start = end) {
    let id: number | undefined;
    for (end = characters.length; end > start; end--) {
      id = vocabulary.get((start > 0 ? prefix : "") + characters.slice(start, end).join(""));
      if (id !== undefined) break;
    }
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

function unknownOf(part: FilePart, vocabulary: ReadonlyMap<string, number>): (word: string) => number {
  const token = part.text("unk_token");
  const id = vocabulary.get(token);
  return (word) => {
    return id ?? part.refuse(`has neither ${JSON.stringify(word.slice(0, 40))} in vocab nor its unk_token, "${token}"`);
  };
}
