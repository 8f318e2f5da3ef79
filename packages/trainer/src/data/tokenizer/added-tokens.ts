// Tokens that are found in the text before the model sees it, such as `<|endoftext|>`.
import type { FilePart } from "./file-part.ts";
import type { Normalize } from "./normalizers.ts";
import { escapeRegExp } from "./pattern.ts";

export interface AddedToken {
  content: string;
  id: number;
  /** Matched in the normalized text, by what its own content is when normalized. */
  normalized: boolean;
  /** Not within a word. */
  singleWord: boolean;
  /** Takes the white space before, or after, with it. */
  lstrip: boolean;
  rstrip: boolean;
}

/** A token, or a text between tokens that is not empty; `start` is its place in the text. */
export type Section = { token: AddedToken } | { text: string; start: number };

/**
 * The numbers in the file are not read: a token that the model has keeps the model's number, and the others follow on the model's
 * vocabulary in their order, as in Python's `tokenizers`.
 *
 * @throws DataError when the file says something else
 */
export function addedTokensOf(file: FilePart, vocabulary: ReadonlyMap<string, number>): AddedToken[] {
  const byContent = new Map<string, AddedToken>();
  let next = vocabulary.size;
  for (const part of "added_tokens" in file.values ? file.parts("added_tokens") : []) {
    const content = part.text("content");
    if (content === "") continue;
    const id = byContent.get(content)?.id ?? vocabulary.get(content) ?? next++;
    if (id !== part.wholeNumber("id", id))
      part.refuse(`has id = ${part.values.id}, where Hugging Face tokenizers number "${content}" ${id}`);
    byContent.set(content, {
      content,
      id,
      normalized: part.flag("normalized", !part.flag("special", false)),
      singleWord: part.flag("single_word", false),
      lstrip: part.flag("lstrip", false),
      rstrip: part.flag("rstrip", false),
    });
  }
  return [...byContent.values()];
}

/** @returns what cuts a text at those tokens, by their contents as `normalize` makes them @throws DataError */
export function finderOf(file: FilePart, tokens: readonly AddedToken[], normalize: Normalize) {
  const byContent = new Map<string, AddedToken>();
  for (const token of tokens) {
    const content = normalize(token.content);
    const other = byContent.get(content);
    if (content === "") file.refuse(`has added token "${token.content}", of which normalization leaves nothing`);
    if (other) file.refuse(`has added tokens "${other.content}" and "${token.content}", which are the same normalized`);
    byContent.set(content, token);
  }
  if (byContent.size === 0) return (text: string): Section[] => (text === "" ? [] : [{ text, start: 0 }]);
  // The first of the alternatives wins, and it has to be the longest.
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map(escapeRegExp).join("|"), "gu");
  return (text: string): Section[] => sectionsOf(text, pattern, byContent);
}

const word = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const wordBefore = new RegExp(`${word}$`, "u");
const wordAfter = new RegExp(`^${word}`, "u");

function sectionsOf(text: string, pattern: RegExp, byContent: ReadonlyMap<string, AddedToken>): Section[] {
  const sections: Section[] = [];
  let end = 0;
  for (const { index, 0: content } of text.matchAll(pattern)) {
    const token = byContent.get(content)!;
    let [from, to] = [index, index + content.length];
    if (token.singleWord && (wordBefore.test(lastOf(text, from)) || wordAfter.test(text.slice(to, to + 2)))) continue;
    if (token.lstrip) while (from > end && isWhiteSpace(text[from - 1])) from--;
    if (token.rstrip) while (isWhiteSpace(text[to])) to++;
    if (from > end) sections.push({ text: text.slice(end, from), start: end });
    sections.push({ token });
    end = to;
  }
  if (end < text.length) sections.push({ text: text.slice(end), start: end });
  return sections;
}

function lastOf(text: string, end: number): string {
  return text.slice(Math.max(0, end - 2), end);
}

function isWhiteSpace(character: string | undefined): boolean {
  return character !== undefined && /\p{White_Space}/u.test(character);
}
