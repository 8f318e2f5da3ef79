// The category `maths`: questions in the manner of DeepMind Mathematics (arXiv 1904.01557), generated as they are needed.
import { isHeldOut } from "../held-out.ts";
import type { Random } from "../random.ts";
import type { SourceData, Split } from "../source-data.ts";
import { algebra } from "./algebra.ts";
import { arithmetic } from "./arithmetic.ts";
import { comparison } from "./comparison.ts";
import { numbers } from "./numbers.ts";
import type { Question, QuestionMaker } from "./question.ts";

/** Named like the modules of the data set whose manner they follow. */
export const questionMakers: Record<string, QuestionMaker> = { ...arithmetic, ...algebra, ...comparison, ...numbers };

const makers = Object.values(questionMakers);

/** What the questions are, for people to read. */
export const mathsOrigin = `Generated questions of ${makers.length} kinds`;

/** Bytes of questions and answers on lines of their own; a question that validation may ask is never trained on. */
export const mathsText: SourceData = {
  origin: mathsOrigin,
  categories: ["maths"],
  files: 0,
  tokens: 0,
  heldOutTokens: 0,
  patchSize: 0,
  fill(split, random, { tokens }) {
    for (let at = 0; at < tokens.length; ) {
      // ASCII throughout, so a character is a byte.
      for (const character of drawLines(split, random)) {
        if (at < tokens.length) tokens[at++] = character.charCodeAt(0);
      }
    }
  },
};

/** @returns a question and its answer, a line each */
export function drawLines(split: Split, random: Random): string {
  const { question, answer } = drawQuestion(split, random);
  return `${question}\n${answer}\n`;
}

export function drawQuestion(split: Split, random: Random): Question {
  for (;;) {
    const question = random.pick(makers)(random);
    if (isHeldOut(question.question) === (split === "validation")) return question;
  }
}
