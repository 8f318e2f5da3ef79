// Documents of any format as a stream of pieces: what is longer than memory never lies in it whole.
import { DataError } from "./data-error.ts";
import { charactersOf } from "./file-bytes.ts";
import { isHeldOut } from "./held-out.ts";
import { textsOfJsonLines } from "./json-lines.ts";
import { textsOfParquet } from "./parquet.ts";
import type { SourceFile } from "./source-files.ts";

export interface Piece {
  text: string;
  /** The same for all pieces of a document. */
  heldOut: boolean;
  /** Whether the document ends with this piece. */
  last: boolean;
}

/**
 * Characters of a piece at least, where there are twice as many: what a tokeniser needs of memory grows with its text. Few documents are
 * as long; of those that are, tokens may be other ones where two pieces meet.
 */
const pieceLength = 2 ** 18;

/** How far a good place to cut is looked for. */
const cutSearch = 8192;

/**
 * Files of text are documents, and the hash of their name decides the side of the split. In JSONL and Parquet every row is a document,
 * and the hash of its text decides, so that copies of a document are on one side.
 *
 * @param field of JSONL, or column of Parquet
 */
export async function* piecesOfFile(file: SourceFile, field: string): AsyncGenerator<Piece> {
  if (file.format === "json-lines") yield* piecesOfTexts(textsOfJsonLines(file, field));
  else if (file.format === "parquet") yield* piecesOfTexts(textsOfParquet(file, field));
  else yield* piecesOfTextFile(file);
}

async function* piecesOfTexts(texts: AsyncIterable<string>): AsyncGenerator<Piece> {
  for await (const text of texts) yield* piecesOfText(text, isHeldOut(text));
}

export function* piecesOfText(text: string, heldOut: boolean): Generator<Piece> {
  let start = 0;
  for (let end = endOfPiece(text, 0); end < text.length; end = endOfPiece(text, start)) {
    yield { text: text.slice(start, end), heldOut, last: false };
    start = end;
  }
  yield { text: text.slice(start), heldOut, last: true };
}

async function* piecesOfTextFile(file: SourceFile): AsyncGenerator<Piece> {
  const heldOut = isHeldOut(file.name);
  let rest = "";
  for await (const characters of charactersOf(file)) {
    if (characters.includes("\0"))
      throw new DataError(`${file.name} is a binary file (it holds a NUL); text is allowed`);
    for (const piece of piecesOfText(rest + characters, heldOut)) {
      if (piece.last) rest = piece.text;
      else yield piece;
    }
  }
  yield { text: rest, heldOut, last: true };
}

/** Where a text may be cut, from best to worst: the first of these that is found nearby decides. */
const cuts = [
  /(?<=\S) (?=\S)/, // no tokeniser joins a word to the space behind it
  /(?<=\S\n)(?=\S)/,
  /(?<=\n)(?=[^\n])/,
  /(?<=\S)(?=\s)/,
];

/** Else between two characters. */
function endOfPiece(text: string, start: number): number {
  const earliest = start + pieceLength;
  if (text.length < earliest + pieceLength) return text.length;
  const nearby = text.slice(earliest, earliest + cutSearch);
  for (const cut of cuts) {
    const at = nearby.search(cut);
    if (at > 0) return earliest + at;
  }
  const half = /[\uDC00-\uDFFF]/.test(nearby[0]!) ? 1 : 0;
  return earliest + half;
}
