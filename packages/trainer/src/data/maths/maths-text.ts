// The category `maths`: questions in the manner of DeepMind Mathematics (arXiv 1904.01557), generated as they are needed.
import type { CategoryText, TextSplit } from "../category-text.ts";
import { isHeldOut } from "../held-out.ts";
import type { Random } from "../random.ts";
import { algebra } from "./algebra.ts";
import { arithmetic } from "./arithmetic.ts";
import { comparison } from "./comparison.ts";
import { numbers } from "./numbers.ts";
import type { Question, QuestionMaker } from "./question.ts";

/** Named like the modules of the data set whose manner they follow. */
export const questionMakers: Record<string, QuestionMaker> = { ...arithmetic, ...algebra, ...comparison, ...numbers };

const makers = Object.values(questionMakers);

/** Questions and answers on lines of their own; a question that validation may ask is never trained on. */
export const mathsText: CategoryText = {
  origin: `Generated questions of ${makers.length} kinds`,
  files: 0,
  bytes: 0,
  heldOutBytes: 0,
  fill(split, random, tokens) {
    for (let at = 0; at < tokens.length; ) {
      const { question, answer } = drawQuestion(split, random);
      // ASCII throughout, so a character is a byte.
      for (const character of `${question}\n${answer}\n`) {
        if (at < tokens.length) tokens[at++] = character.charCodeAt(0);
      }
    }
  },
};

export function drawQuestion(split: TextSplit, random: Random): Question {
  for (;;) {
    const question = random.pick(makers)(random);
    if (isHeldOut(question.question) === (split === "validation")) return question;
  }
}
