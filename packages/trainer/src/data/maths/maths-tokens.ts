// The category `maths` for tokenisers, which are too slow to run between two steps: a fixed stock of questions, made into tokens once.
import type { Piece } from "../documents.ts";
import { prepareText } from "../prepared-text.ts";
import { Random } from "../random.ts";
import type { OpeningData, SourceData } from "../source-data.ts";
import { createStoredText } from "../stored-text.ts";
import { drawLines, mathsOrigin } from "./maths-text.ts";

/** Questions in a piece, pieces, and one in how many of these is for validation. */
const questionsOfAPiece = 100;
const pieces = 400;
const validationOneIn = 20;

export async function openMathsTokens(opening: OpeningData): Promise<SourceData> {
  const { tokenizer, rowTokens } = opening;
  const sample = textOf(0);
  const documents = {
    // A change of the questions shows in the first of them.
    key: ["maths", pieces, questionsOfAPiece, sample],
    what: mathsOrigin,
    size: sample.length * pieces,
    pieces: questions,
  };
  const origin = `${mathsOrigin}, ${(pieces * questionsOfAPiece).toLocaleString("en")} of them`;
  const from = { category: "maths", origin, files: 0, unit: tokenizer.unit };
  return createStoredText(from, await prepareText(documents, opening), rowTokens);
}

async function* questions(): AsyncGenerator<Piece> {
  for (let piece = 0; piece < pieces; piece++) {
    yield { text: textOf(piece), heldOut: piece % validationOneIn === 0, last: false };
  }
}

function textOf(piece: number): string {
  const random = new Random(piece);
  const split = piece % validationOneIn === 0 ? "validation" : "training";
  return Array.from({ length: questionsOfAPiece }, () => drawLines(split, random)).join("");
}
