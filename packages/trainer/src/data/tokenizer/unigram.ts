// The unigram model: of all ways to write a text as tokens the one with the highest sum of their scores.
import { byteTokensIn } from "./bpe.ts";
import type { FilePart } from "./file-part.ts";
import type { Model } from "./model.ts";

/** What an unknown character scores less than the lowest token. */
const unknownPenalty = 10;

interface Node {
  /** By UTF-16 unit. */
  children: Map<number, Node>;
  /** Number of the token that ends here. */
  id?: number;
}

/** The best way to a place: its last token, from where, and the sum so far. */
interface Paths {
  ids: Int32Array;
  from: Int32Array;
  scores: Float64Array;
}

const unreached = -1;

export function unigramOf(part: FilePart): Model {
  const tokens = part.list("vocab").map((entry) => entryOf(part, entry));
  const vocabulary = new Map(tokens.map(([token], id) => [token, id]));
  const scores = tokens.map(([, score]) => score);
  const unknown = (part.values.unk_id ?? null) === null ? undefined : part.wholeNumber("unk_id");
  if (unknown !== undefined && unknown >= tokens.length)
    part.refuse(`has unk_id = ${unknown}; numbers below ${tokens.length}, the size of vocab, are allowed`);
  const byteTokens = part.flag("byte_fallback", false) ? byteTokensIn(vocabulary) : undefined;
  const root = trieOf(vocabulary);
  const unknownScore =
    scores.reduce((lowest, score) => Math.min(lowest, score), Number.POSITIVE_INFINITY) - unknownPenalty;
  const needUnknown = (text: string) => {
    return unknown ?? part.refuse(`has no unk_id, and a text that needs one: ${JSON.stringify(text.slice(0, 40))}`);
  };
  const idsOf = (text: string) => {
    const id = vocabulary.get(text);
    if (id !== undefined) return [id];
    return byteTokens?.(text) ?? [needUnknown(text)];
  };
  return {
    vocabulary,
    encode(text) {
      const paths = bestPaths(text, root, scores, { score: unknownScore, id: () => needUnknown(text) });
      return piecesOf(text, paths, unknown).flatMap(idsOf);
    },
  };
}

function entryOf(part: FilePart, entry: unknown): [string, number] {
  const [token, score] = Array.isArray(entry) ? entry : [];
  if (typeof token === "string" && typeof score === "number") return [token, asRustReads(score)];
  return part.refuse(`has ${JSON.stringify(entry)} in vocab; pairs of a token and its score are allowed`);
}

/**
 * Rust's serde_json reads the digits as a whole number and divides by a power of ten, which rounds twice: the last bit may be another
 * one, and decides between ways whose scores are the same otherwise.
 */
function asRustReads(score: number): number {
  const [digits = "", power] = score.toExponential().split("e");
  const fraction = digits.split(".")[1]?.length ?? 0;
  const exponent = Number(power) - fraction;
  const whole = Number(digits.replace(".", ""));
  return exponent < 0 ? whole / Number(`1e${-exponent}`) : whole * Number(`1e${exponent}`);
}

function trieOf(vocabulary: ReadonlyMap<string, number>): Node {
  const root: Node = { children: new Map() };
  for (const [token, id] of vocabulary) {
    let node = root;
    for (let index = 0; index < token.length; index++) {
      const unit = token.charCodeAt(index);
      const child = node.children.get(unit) ?? { children: new Map() };
      node.children.set(unit, child);
      node = child;
    }
    node.id = id;
  }
  return root;
}

function bestPaths(
  text: string,
  root: Node,
  scores: readonly number[],
  unknown: { score: number; id(): number },
): Paths {
  const size = text.length + 1;
  const paths = {
    ids: new Int32Array(size),
    from: new Int32Array(size).fill(unreached),
    scores: new Float64Array(size),
  };
  const offer = (start: number, end: number, id: number, score: number) => {
    const sum = score + paths.scores[start]!;
    if (paths.from[end] !== unreached && sum <= paths.scores[end]!) return;
    paths.scores[end] = sum;
    paths.from[end] = start;
    paths.ids[end] = id;
  };
  for (let start = 0; start < text.length; ) {
    const character = text.codePointAt(start)! > 0xffff ? 2 : 1;
    let isKnown = false;
    let node: Node | undefined = root;
    for (let end = start; node !== undefined && end < text.length; ) {
      node = node.children.get(text.charCodeAt(end++));
      if (node?.id === undefined) continue;
      offer(start, end, node.id, scores[node.id]!);
      if (end - start === character) isKnown = true;
    }
    if (!isKnown) offer(start, start + character, unknown.id(), unknown.score);
    start += character;
  }
  return paths;
}

/** Texts of the best way's tokens; what is unknown on end is one. */
function piecesOf(text: string, { ids, from }: Paths, unknown: number | undefined): string[] {
  const pieces: string[] = [];
  let unknownEnd: number | undefined;
  for (let end = text.length; end > 0; end = from[end]!) {
    const start = from[end]!;
    if (ids[end] === unknown) {
      unknownEnd ??= end;
      continue;
    }
    if (unknownEnd !== undefined) pieces.push(text.slice(end, unknownEnd));
    unknownEnd = undefined;
    pieces.push(text.slice(start, end));
  }
  if (unknownEnd !== undefined) pieces.push(text.slice(0, unknownEnd));
  return pieces.reverse();
}
