// Patterns of a `tokenizer.json`: regular expressions of Oniguruma as JavaScript's.
import type { FilePart } from "./file-part.ts";
import { translateOniguruma } from "./hugging-face.ts";

/** From, to, and whether the pattern matches there; ranges follow on each other and cover the text. */
export type Match = readonly [from: number, to: number, matches: boolean];
export type FindMatches = (text: string) => Match[];

/**
 * @param part whose `pattern` is `{ "String": … }` or `{ "Regex": … }`
 * @throws DataError when no such pattern can be made
 */
export function patternOf(part: FilePart): RegExp {
  const pattern = part.part("pattern");
  const literal = pattern.optionalText("String");
  if (literal !== undefined) return new RegExp(escapeRegExp(literal), "gu");
  return fromOniguruma(pattern, pattern.text("Regex"));
}

/**
 * Oniguruma finds nothing empty right after a match. Nor does it within a character, where V8 finds an empty match of a negative
 * look-ahead between the two units of a surrogate pair.
 *
 * @param regExp with the flag `g`
 */
export function matcherOf(regExp: RegExp): FindMatches {
  return (text) => {
    const matches: Match[] = [];
    let end = 0;
    for (const { index, 0: matched } of text.matchAll(regExp)) {
      if (matched === "" && ((index === end && matches.at(-1)?.[2]) || isWithinCharacter(text, index))) continue;
      if (index > end) matches.push([end, index, false]);
      end = index + matched.length;
      matches.push([index, end, true]);
    }
    if (end < text.length) matches.push([end, text.length, false]);
    return matches;
  };
}

function isWithinCharacter(text: string, index: number): boolean {
  return index > 0 && text.codePointAt(index - 1)! > 0xffff;
}

export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}

function fromOniguruma(part: FilePart, source: string): RegExp {
  const refuse = (what: string) => part.refuse(`has Regex = ${JSON.stringify(source)}: ${what} is not supported`);
  try {
    return translateOniguruma(withFolds(withPossessives(source, refuse), refuse));
  } catch (error) {
    if (error instanceof SyntaxError) refuse(`what it is made of (${error.message})`);
    throw error;
  }
}

/** Escapes, classes (nested once), groups' beginnings, quantifiers and single characters. */
const symbols =
  /\\[pPx]\{[^}]*\}|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[^\]\\[])*\]|\(\?(?:<[=!]|[a-zA-Z-]*:|[=!>]|<\w+>|)|\{\d*,?\d*\}|[\s\S]/gu;

/**
 * What `?+`, `*+` and `++` follow gives nothing back once it matched. A look-ahead does not either, so `a++` is `(?=(a+))\1`.
 */
function withPossessives(source: string, refuse: (what: string) => never): string {
  const parts = source.match(symbols) ?? [];
  const written: string[] = [];
  let groups = 0;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    if (part === "(?>") refuse("an atomic group");
    if (part === "\\G" || part === "\\K") refuse(part);
    if (/^[?*+]$/.test(part) && parts[index + 1] === "+") {
      const atom = written.pop();
      if (atom === undefined || /^[)?*+}]$/.test(atom)) refuse(`the possessive "${part}+" after a group`);
      groups++;
      written.push(`(?=(?<_${groups}>${atom}${part}))\\k<_${groups}>`);
      index++;
    } else written.push(part);
  }
  return written.join("");
}

/** Letters that are another one regardless of case: the long s and the sign of Kelvin. */
const folds: Record<string, string> = { s: "\u017f", k: "\u212a" };

/** The library folds ASCII in `(?i:…)`; Oniguruma folds `s` and `k` further, and pairs such as `ss` into ligatures. */
function withFolds(source: string, refuse: (what: string) => never): string {
  let depth = 0;
  let foldedFrom = Number.POSITIVE_INFINITY;
  let letters = "";
  return (source.match(symbols) ?? [])
    .map((part) => {
      if (part.startsWith("(")) depth++;
      if (part === "(?i:") foldedFrom = Math.min(foldedFrom, depth);
      else if (/^\(\?[a-zA-Z-]*:/.test(part) && part !== "(?:") refuse(part);
      const isFolded = depth >= foldedFrom;
      if (part === ")" && depth-- === foldedFrom) foldedFrom = Number.POSITIVE_INFINITY;
      if (!isFolded) return part;
      letters = /^[a-z]$/i.test(part) ? letters + part.toLowerCase() : "";
      if (/ss|st|ff|fi|fl|[^\0-\x7f]/.test(letters) || /[^\0-\x7f]/.test(part))
        refuse(`"${letters || part}" in any case`);
      if (part.startsWith("["))
        return part.replace(/[sk](?=[^\]\\]*\])/gi, (letter) => letter + folds[letter.toLowerCase()]);
      const fold = letters === "" ? undefined : folds[part.toLowerCase()];
      return fold === undefined ? part : `[${part.toLowerCase()}${part.toUpperCase()}${fold}]`;
    })
    .join("");
}
