// Questions that compare numbers.
import type { Random } from "../random.ts";
import { drawDistinct, ordinal, type Question, type QuestionMaker } from "./question.ts";

export const comparison: Record<string, QuestionMaker> = {
  comparison__pair: pair,
  comparison__kth_biggest: kthBiggest,
  comparison__sort: sort,
  comparison__closest: closest,
};

function pair(random: Random): Question {
  const [a, b] = drawDistinct(random, 2, 4) as [number, number];
  const bigger = random.below(2) === 0;
  return {
    question: bigger ? `Which is bigger: ${a} or ${b}?` : `Which is smaller: ${a} or ${b}?`,
    answer: String(bigger ? Math.max(a, b) : Math.min(a, b)),
  };
}

function kthBiggest(random: Random): Question {
  const list = drawDistinct(random, random.between(3, 6), 4);
  const position = random.between(1, list.length);
  const biggest = random.below(2) === 0;
  const sorted = list.toSorted((a, b) => (biggest ? b - a : a - b));
  const rank = position === 1 ? "" : `${ordinal(position)} `;
  return {
    question: `What is the ${rank}${biggest ? "biggest" : "smallest"} value in ${list.join(", ")}?`,
    answer: String(sorted[position - 1]),
  };
}

function sort(random: Random): Question {
  const list = drawDistinct(random, random.between(3, 7), 3);
  const ascending = random.below(2) === 0;
  return {
    question: `Sort ${list.join(", ")} in ${ascending ? "ascending" : "descending"} order.`,
    answer: list.toSorted((a, b) => (ascending ? a - b : b - a)).join(", "),
  };
}

function closest(random: Random): Question {
  for (;;) {
    const [target, ...list] = drawDistinct(random, random.between(4, 6), 3) as [number, ...number[]];
    const [nearest, next] = list.toSorted((a, b) => Math.abs(a - target) - Math.abs(b - target));
    // Two numbers equally near would leave two answers.
    if (Math.abs(nearest! - target) === Math.abs(next! - target)) continue;
    return { question: `Which is the closest to ${target}? ${list.join(", ")}`, answer: String(nearest) };
  }
}
