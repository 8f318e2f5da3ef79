// How a text is split into the pieces that the model makes tokens of: one kind of step for each that a `tokenizer.json` can name.
import { byteCharacters } from "./byte-characters.ts";
import { type FilePart, kindOf } from "./file-part.ts";
import { punctuation } from "./old-unicode.ts";
import { escapeRegExp, type FindMatches, matcherOf, patternOf } from "./pattern.ts";
import { behaviors, type Range, splits } from "./split.ts";

/** Pieces of a text; the first of them may begin where the whole text does. */
export interface Pieces {
  texts: string[];
  fromBeginning: boolean;
}

export type PreTokenize = (pieces: Pieces) => Pieces;

/** What happens to a piece: it may change, is split, and what comes of it may change. */
interface Step {
  prepare?(text: string, fromBeginning: boolean): string;
  split?(text: string): Range[];
  finish?(text: string): string;
}

const kinds: Record<string, (part: FilePart) => Step[]> = {
  BertPreTokenizer: () => [removed(whiteSpace), isolated(matcherOf(punctuation))],
  ByteLevel: byteLevelOf,
  CharDelimiterSplit: (part) => [removed(matcherOf(new RegExp(escapeRegExp(part.text("delimiter")), "gu")))],
  Digits: digitsOf,
  FixedLength: fixedLengthOf,
  Metaspace: metaspaceOf,
  Punctuation: (part) => {
    const split = splits[part.oneOf("behavior", behaviors, "Isolated")];
    return [{ split: (text) => split(matcherOf(punctuation)(text)) }];
  },
  Sequence: (part) => part.parts("pretokenizers").flatMap(stepsOf),
  Split: splitOf,
  Whitespace: () => [removed(inverse(matcherOf(words)))],
  WhitespaceSplit: () => [removed(whiteSpace)],
};

/** @throws DataError when the kind is not known or its settings are wrong */
export function preTokenizerOf(part: FilePart): PreTokenize {
  const steps = stepsOf(part);
  return (pieces) => steps.reduce(carryOut, pieces);
}

/** Whether a piece from the beginning of a text is another one than elsewhere. */
export function asksForBeginning(part: FilePart): boolean {
  if (part.type === "Sequence") return part.parts("pretokenizers").some(asksForBeginning);
  return part.type === "Metaspace" && schemeOf(part) === "first";
}

function stepsOf(part: FilePart): Step[] {
  return kindOf(part, kinds)(part);
}

function carryOut({ texts, fromBeginning }: Pieces, { prepare, split, finish }: Step): Pieces {
  const pieces: string[] = [];
  let isFirstKept = fromBeginning;
  for (const [index, text] of texts.entries()) {
    const prepared = prepare ? prepare(text, fromBeginning && index === 0) : text;
    for (const [from, to] of split ? split(prepared) : [[0, prepared.length] as const]) {
      if (from === to) continue;
      if (pieces.length === 0 && (index > 0 || from > 0)) isFirstKept = false;
      const piece = prepared.slice(from, to);
      pieces.push(finish ? finish(piece) : piece);
    }
  }
  return { texts: pieces, fromBeginning: isFirstKept };
}

const whiteSpace = matcherOf(/\p{White_Space}/gu);

/** `\w` and what is neither `\w` nor white space, as Rust's regex has them. */
const words =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

/** GPT-2's. White space is Unicode's: JavaScript's `\s` has U+FEFF and not U+0085. */
const gpt2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

function removed(matches: FindMatches): Step {
  return { split: (text) => splits.Removed(matches(text)) };
}

function isolated(matches: FindMatches): Step {
  return { split: (text) => splits.Isolated(matches(text)) };
}

function inverse(matches: FindMatches): FindMatches {
  return (text) => matches(text).map(([from, to, isMatch]) => [from, to, !isMatch]);
}

function byteLevelOf(part: FilePart): Step[] {
  const addsSpace = part.flag("add_prefix_space", false);
  const { split } = isolated(matcherOf(gpt2));
  return [
    {
      prepare: (text) => (addsSpace && !text.startsWith(" ") ? ` ${text}` : text),
      ...(part.flag("use_regex", true) && { split }),
      finish: byteCharacters,
    },
  ];
}

function digitsOf(part: FilePart): Step[] {
  const split = splits[part.flag("individual_digits", false) ? "Isolated" : "Contiguous"];
  const matches = matcherOf(/\p{N}/gu);
  return [{ split: (text) => split(matches(text)) }];
}

/** Counts characters, not UTF-16 units. */
function fixedLengthOf(part: FilePart): Step[] {
  const length = part.wholeNumber("length", 5);
  if (length === 0) part.refuse("has length = 0; whole numbers from 1 are allowed");
  return [isolated(matcherOf(new RegExp(`[\\s\\S]{1,${length}}`, "gu")))];
}

function splitOf(part: FilePart): Step[] {
  const pattern = matcherOf(patternOf(part));
  const matches = part.flag("invert", false) ? inverse(pattern) : pattern;
  const split = splits[part.oneOf("behavior", behaviors)];
  return [{ split: (text) => split(matches(text)) }];
}

function schemeOf(part: FilePart): "always" | "first" | "never" {
  const scheme = part.oneOf("prepend_scheme", ["always", "first", "never"], "always");
  // Of older files, which had no scheme.
  if (part.flag("add_prefix_space", true) || scheme === "never") return scheme;
  return "prepend_scheme" in part.values ? part.refuse(`has add_prefix_space = false beside "${scheme}"`) : "never";
}

function metaspaceOf(part: FilePart): Step[] {
  const mark = part.text("replacement", "\u2581");
  if ([...mark].length !== 1) part.refuse(`has replacement = ${JSON.stringify(mark)}; a character is allowed`);
  const scheme = schemeOf(part);
  const matches = matcherOf(new RegExp(escapeRegExp(mark), "gu"));
  return [
    {
      prepare(text, fromBeginning) {
        const marked = text.replaceAll(" ", mark);
        const isWanted = scheme === "always" || (scheme === "first" && fromBeginning);
        return isWanted && !marked.startsWith(mark) ? mark + marked : marked;
      },
      ...(part.flag("split", true) && { split: (text: string) => splits.MergedWithNext(matches(text)) }),
    },
  ];
}
