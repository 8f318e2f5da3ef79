// What a text becomes before it is split: one function for each kind that a `tokenizer.json` can name.
import { byteCharacters } from "./byte-characters.ts";
import { charsmapOf } from "./charsmap.ts";
import { type FilePart, kindOf } from "./file-part.ts";
import { combiningMarks, controls, ideographs, nonspacingMarks, normalizeText } from "./old-unicode.ts";
import { matcherOf, patternOf } from "./pattern.ts";

export type Normalize = (text: string) => string;

const kinds: Record<string, (part: FilePart) => Normalize> = {
  NFC: () => (text) => normalizeText(text, "NFC"),
  NFD: () => (text) => normalizeText(text, "NFD"),
  NFKC: () => (text) => normalizeText(text, "NFKC"),
  NFKD: () => (text) => normalizeText(text, "NFKD"),
  Lowercase: () => lowercase,
  Strip: stripOf,
  StripAccents: () => (text) => text.replace(combiningMarks, ""),
  Replace: replaceOf,
  Prepend: prependOf,
  Nmt: () => nmt,
  Precompiled: charsmapOf,
  BertNormalizer: bertOf,
  ByteLevel: () => byteCharacters,
  Sequence: sequenceOf,
};

/** @throws DataError when the kind is not known or its settings are wrong */
export function normalizerOf(part: FilePart): Normalize {
  return kindOf(part, kinds)(part);
}

function sequenceOf(part: FilePart): Normalize {
  const all = part.parts("normalizers").map(normalizerOf);
  return (text) => all.reduce((normalized, normalize) => normalize(normalized), text);
}

/** Character by character: a sigma is never a final one. */
function lowercase(text: string): string {
  return text.replaceAll("\u03a3", "\u03c3").toLowerCase();
}

function stripOf(part: FilePart): Normalize {
  const [left, right] = [part.flag("strip_left"), part.flag("strip_right")];
  return (text) => {
    let [from, to] = [0, text.length];
    if (left) while (from < to && isWhiteSpace(text[from]!)) from++;
    if (right) while (to > from && isWhiteSpace(text[to - 1]!)) to--;
    return text.slice(from, to);
  };
}

function isWhiteSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}

function replaceOf(part: FilePart): Normalize {
  const matches = matcherOf(patternOf(part));
  const content = part.text("content");
  return (text) => {
    return matches(text)
      .map(([from, to, isMatch]) => (isMatch ? content : text.slice(from, to)))
      .join("");
  };
}

function prependOf(part: FilePart): Normalize {
  const prefix = part.text("prepend");
  return (text) => (text === "" ? "" : prefix + text);
}

/** Of SentencePiece's rules for machine translation: some controls are nothing, other separators are a space. */
function nmt(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are left out.
      .replace(/[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g, "")
      .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " ")
  );
}

function bertOf(part: FilePart): Normalize {
  const toLower = part.flag("lowercase", true);
  const isGiven = (part.values.strip_accents ?? null) !== null;
  const withoutAccents = isGiven ? part.flag("strip_accents") : toLower;
  const steps: Normalize[] = [];
  if (part.flag("clean_text", true)) steps.push((text) => text.replace(controls, "").replace(/\p{White_Space}/gu, " "));
  if (part.flag("handle_chinese_chars", true)) steps.push((text) => text.replace(ideographs, " $& "));
  if (withoutAccents) steps.push((text) => normalizeText(text, "NFD").replace(nonspacingMarks, ""));
  if (toLower) steps.push(lowercase);
  return (text) => steps.reduce((cleaned, step) => step(cleaned), text);
}

/**
 * Whether a text's first character may come to stand for another place than the text's beginning. Python's `tokenizers` follows every
 * character; what is split here does not, and needs it in one case alone (`Metaspace` with `prepend_scheme` "first").
 */
export function movesBeginning(part: FilePart): boolean {
  if (part.type === "Sequence") return part.parts("normalizers").some(movesBeginning);
  if (part.type === "Strip") return part.flag("strip_left");
  if (part.type === "BertNormalizer" || part.type === "StripAccents" || part.type === "Nmt") return true;
  if (part.type !== "Replace" || /^[ \u2581]/.test(part.text("content"))) return false;
  const literal = part.part("pattern").optionalText("String") ?? "";
  return [...literal].length !== 1 || part.text("content") === "";
}
