// Questions about sums, products and quotients.
import type { Random } from "../random.ts";
import { type Fraction, formatFraction, fraction } from "./fraction.ts";
import { decimal, drawInteger, drawNonZero, type Question, type QuestionMaker } from "./question.ts";

export const arithmetic: Record<string, QuestionMaker> = {
  arithmetic__add_or_sub: addOrSubtract,
  arithmetic__mul: multiplyTwo,
  arithmetic__div: divideTwo,
  arithmetic__mixed: mixed,
};

function addOrSubtract(random: Random): Question {
  const places = random.below(4);
  const [a, b] = [drawInteger(random, 6), drawInteger(random, 6)];
  const [left, right] = [decimal(a, places), decimal(b, places)];
  if (random.below(2) === 0) {
    const question = random.pick([
      `What is ${left} + ${right}?`,
      `Add ${left} and ${right}.`,
      `Work out ${left} + ${right}.`,
    ]);
    return { question, answer: decimal(a + b, places) };
  }
  const question = random.pick([
    `What is ${left} - ${right}?`,
    `Subtract ${right} from ${left}.`,
    `What is ${left} take away ${right}?`,
  ]);
  return { question, answer: decimal(a - b, places) };
}

function multiplyTwo(random: Random): Question {
  const [placesOfA, placesOfB] = [random.below(3), random.below(3)];
  const [a, b] = [drawInteger(random, 4), drawInteger(random, 3)];
  const [left, right] = [decimal(a, placesOfA), decimal(b, placesOfB)];
  const question = random.pick([
    `What is ${left} times ${right}?`,
    `Calculate ${left}*${right}.`,
    `What is the product of ${left} and ${right}?`,
  ]);
  return { question, answer: decimal(a * b, placesOfA + placesOfB) };
}

function divideTwo(random: Random): Question {
  const divisor = drawNonZero(random, 3);
  // Half of them come out even.
  const dividend = random.below(2) === 0 ? divisor * drawInteger(random, 3) : drawInteger(random, 4);
  const question = random.pick([`Divide ${dividend} by ${divisor}.`, `What is ${dividend} divided by ${divisor}?`]);
  return { question, answer: formatFraction(fraction(dividend, divisor)) };
}

function mixed(random: Random): Question {
  const { text, value } = drawExpression(random, random.between(2, 4));
  const question = random.pick([`What is ${text}?`, `What is the value of ${text}?`, `Evaluate ${text}.`]);
  return { question, answer: formatFraction(value) };
}

interface Expression {
  text: string;
  value: Fraction;
  /** Binds at least as tightly as a factor, so that it needs no parentheses. */
  atom: boolean;
}

/** @param operations how many of + − * / the expression has */
function drawExpression(random: Random, operations: number): Expression {
  if (operations === 0) {
    const number = drawInteger(random, 2);
    return { text: number < 0 ? `(${number})` : String(number), value: fraction(number), atom: true };
  }
  const inLeft = random.below(operations);
  const left = drawExpression(random, inLeft);
  const right = drawExpression(random, operations - 1 - inLeft);
  const operator = random.pick(right.value.numerator === 0 ? ["+", "-", "*"] : ["+", "-", "*", "/"]);
  const spaced = operator === "+" || operator === "-" ? ` ${operator} ` : operator;
  return {
    text: inParentheses(left) + spaced + inParentheses(right),
    value: combine(left.value, operator, right.value),
    atom: false,
  };
}

function inParentheses({ text, atom }: Expression): string {
  return atom ? text : `(${text})`;
}

function combine(a: Fraction, operator: string, b: Fraction): Fraction {
  if (operator === "*") return fraction(a.numerator * b.numerator, a.denominator * b.denominator);
  if (operator === "/") return fraction(a.numerator * b.denominator, a.denominator * b.numerator);
  const sign = operator === "+" ? 1 : -1;
  return fraction(a.numerator * b.denominator + sign * b.numerator * a.denominator, a.denominator * b.denominator);
}
