// Byte-pair encoding: neighbours are merged in the order of the merges until none is left.
import { DataError } from "../data-error.ts";
import type { FilePart } from "./file-part.ts";
import type { Model } from "./model.ts";
import { NumberHeap } from "./number-heap.ts";

interface Merges {
  /** Of `left * size + right`: the number of the merge. */
  ranks: Map<number, number>;
  /** What merges make. */
  made: number[];
  /** One more than the largest token. */
  size: number;
}

/** Places of one word that a rank is put before in a single number. */
const places = 2 ** 30;

/** @throws DataError when it is no such model, or one whose tokens are drawn by chance */
export function bpeOf(part: FilePart): Model {
  if (part.values.dropout) {
    part.refuse(`has dropout = ${part.values.dropout}, tokens drawn by chance, which is not supported; 0 is allowed`);
  }
  const vocabulary = part.numbers("vocab");
  const merges = mergesOf(part, vocabulary);
  const symbolsOf = symbolsWith(part, vocabulary);
  const asOneToken = part.flag("ignore_merges", false);
  return {
    vocabulary,
    suffix: part.optionalText("end_of_word_suffix"),
    encode(text) {
      const whole = asOneToken ? vocabulary.get(text) : undefined;
      return whole === undefined ? merged(symbolsOf(text), merges) : [whole];
    },
  };
}

function mergesOf(part: FilePart, vocabulary: ReadonlyMap<string, number>): Merges {
  const prefix = part.optionalText("continuing_subword_prefix") ?? "";
  const size = largestOf(vocabulary) + 1;
  const idOf = (token: string) => vocabulary.get(token) ?? part.refuse(`merges "${token}", which is not in vocab`);
  const ranks = new Map<number, number>();
  const made: number[] = [];
  for (const [left, right] of pairsOf(part)) {
    if (!right.startsWith(prefix)) part.refuse(`merges "${right}" without the prefix "${prefix}"`);
    ranks.set(idOf(left) * size + idOf(right), made.length);
    made.push(idOf(left + right.slice(prefix.length)));
  }
  return { ranks, made, size };
}

/** Merges are pairs, or in older files texts with a space between the two. */
function pairsOf(part: FilePart): [string, string][] {
  const isVersion = (merge: unknown) => typeof merge === "string" && merge.startsWith("#version");
  return part
    .list("merges")
    .filter((merge) => !isVersion(merge))
    .map((merge) => {
      const pair = typeof merge === "string" ? merge.split(" ") : merge;
      const isPair = Array.isArray(pair) && pair.length === 2 && pair.every((token) => typeof token === "string");
      return isPair
        ? (pair as [string, string])
        : part.refuse(`has ${JSON.stringify(merge)} as a merge; pairs are allowed`);
    });
}

/** What a word is before anything is merged. */
function symbolsWith(part: FilePart, vocabulary: ReadonlyMap<string, number>): (word: string) => number[] {
  const prefix = part.optionalText("continuing_subword_prefix") ?? "";
  const suffix = part.optionalText("end_of_word_suffix") ?? "";
  const byteTokens = part.flag("byte_fallback", false) ? byteTokensIn(vocabulary) : undefined;
  const unknownToken = part.optionalText("unk_token");
  const fuses = part.flag("fuse_unk", false);
  const unknownOf = (token: string) => {
    return (
      vocabulary.get(token) ??
      part.refuse(`has unk_token = "${token}", which is not in vocab, for a text that needs it`)
    );
  };
  return (word) => {
    const symbols: number[] = [];
    // Held back until a known character follows: bytes come before it.
    let unknown: number | undefined;
    let place = 0;
    for (const character of word) {
      const isFirst = place === 0;
      place += character.length;
      const symbol = (isFirst ? "" : prefix) + character + (place === word.length ? suffix : "");
      const id = vocabulary.get(symbol);
      if (id !== undefined) {
        if (unknown !== undefined) symbols.push(unknown);
        unknown = undefined;
        symbols.push(id);
        continue;
      }
      const bytes = byteTokens?.(symbol);
      if (bytes) symbols.push(...bytes);
      else if (unknownToken !== undefined) {
        if (unknown !== undefined && !fuses) symbols.push(unknown);
        unknown ??= unknownOf(unknownToken);
      }
    }
    if (unknown !== undefined) symbols.push(unknown);
    return symbols;
  };
}

/** @returns tokens such as <0x0A> for the bytes of a text; undefined when one is missing */
export function byteTokensIn(vocabulary: ReadonlyMap<string, number>): (text: string) => number[] | undefined {
  const tokens = Array.from({ length: 256 }, (_, byte) => {
    return vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  });
  return (text) => {
    const found = Array.from(Buffer.from(text), (byte) => tokens[byte]);
    return found.every((id) => id !== undefined) ? (found as number[]) : undefined;
  };
}

/** The lowest merge first, and of equal ones the leftmost. */
function merged(symbols: number[], { ranks, made, size }: Merges): number[] {
  if (symbols.length >= places) throw new DataError(`A word of ${symbols.length} characters; ${places} are allowed`);
  const gone = -1;
  const next = Int32Array.from(symbols, (_, place) => place + 1);
  const before = Int32Array.from(symbols, (_, place) => place - 1);
  const heap = new NumberHeap();
  const rankAt = (place: number) => {
    const right = next[place]!;
    return right < symbols.length ? ranks.get(symbols[place]! * size + symbols[right]!) : undefined;
  };
  const push = (place: number) => {
    const rank = rankAt(place);
    if (rank !== undefined) heap.push(rank * places + place);
  };
  for (let place = 0; place + 1 < symbols.length; place++) push(place);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const place = top % places;
    if (symbols[place] === gone) continue;
    const now = rankAt(place);
    const token = made[(top - place) / places];
    // Another pair may stand there by now; it is merged all the same when it makes the same token.
    if (now === undefined || made[now] !== token) continue;
    const right = next[place]!;
    symbols[place] = token!;
    symbols[right] = gone;
    next[place] = next[right]!;
    if (next[place]! < symbols.length) before[next[place]!] = place;
    if (before[place]! >= 0) push(before[place]!);
    push(place);
  }
  return symbols.filter((symbol) => symbol !== gone);
}

function largestOf(vocabulary: ReadonlyMap<string, number>): number {
  let largest = 0;
  for (const id of vocabulary.values()) largest = Math.max(largest, id);
  return largest;
}
