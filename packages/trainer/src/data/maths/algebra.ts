// Questions about equations, sequences and polynomials.
import type { Random } from "../random.ts";
import {
  add,
  differentiate,
  drawPolynomial,
  evaluate,
  formatPolynomial,
  multiply,
  type Polynomial,
} from "./polynomial.ts";
import { drawInteger, drawNonZero, ordinal, type Question, type QuestionMaker } from "./question.ts";

export const algebra: Record<string, QuestionMaker> = {
  algebra__linear_1d: linearEquation,
  algebra__linear_2d: linearSystem,
  algebra__polynomial_roots: polynomialRoots,
  algebra__sequence_next_term: nextTerm,
  algebra__sequence_nth_term: nthTerm,
  polynomials__evaluate: evaluateAt,
  polynomials__expand: expand,
  polynomials__add: addPolynomials,
  calculus__differentiate: derivative,
};

const variables = "abcdfghjkmnpqrstuvwxyz".split("");

function linearEquation(random: Random): Question {
  const variable = random.pick(variables);
  const solution = drawInteger(random, 2);
  const left = [drawInteger(random, 2), drawNonZero(random, 2)];
  const slope = left[1]! === 1 ? 2 : left[1]!;
  const rightSlope = random.below(2) === 0 ? 0 : 1;
  const right = [evaluate([left[0]!, slope], solution) - rightSlope * solution, rightSlope];
  const equation = `${formatPolynomial([left[0]!, slope], variable)} = ${formatPolynomial(right, variable)}`;
  return { question: `Solve ${equation} for ${variable}.`, answer: String(solution) };
}

function linearSystem(random: Random): Question {
  const [x, y] = random
    .shuffle([...variables.keys()])
    .slice(0, 2)
    .map((index) => variables[index]!) as [string, string];
  const [valueOfX, valueOfY] = [drawInteger(random, 2), drawInteger(random, 2)];
  for (;;) {
    const [a, b, c, d] = [
      drawNonZero(random, 1),
      drawNonZero(random, 1),
      drawNonZero(random, 1),
      drawNonZero(random, 1),
    ];
    // Otherwise one equation is a multiple of the other, or contradicts it.
    if (a * d === b * c) continue;
    const first = `${linearSum(a, x, b, y)} = ${a * valueOfX + b * valueOfY}`;
    const second = `${linearSum(c, x, d, y)} = ${c * valueOfX + d * valueOfY}`;
    return { question: `Solve ${first}, ${second} for ${x}.`, answer: String(valueOfX) };
  }
}

function linearSum(a: number, x: string, b: number, y: string): string {
  return `${formatPolynomial([0, a], x)} ${b < 0 ? "-" : "+"} ${formatPolynomial([0, Math.abs(b)], y)}`;
}

function polynomialRoots(random: Random): Question {
  const variable = random.pick(variables);
  const roots = [drawInteger(random, 2), drawInteger(random, 2)];
  const [first, second] = roots.map((root): Polynomial => [-root, 1]) as [Polynomial, Polynomial];
  const polynomial = multiply([drawNonZero(random, 1)], multiply(first, second));
  return {
    question: `Find ${variable} such that ${formatPolynomial(polynomial, variable)} = 0.`,
    answer: [...new Set(roots)].sort((a, b) => a - b).join(", "),
  };
}

function nextTerm(random: Random): Question {
  const sequence = drawPolynomial(random, random.between(1, 2), 2);
  const shown = random.between(4, 6);
  const terms = Array.from({ length: shown + 1 }, (_, index) => evaluate(sequence, index + 1));
  return {
    question: `What is the next term in ${terms.slice(0, shown).join(", ")}?`,
    answer: String(terms[shown]),
  };
}

function nthTerm(random: Random): Question {
  const sequence = drawPolynomial(random, random.between(1, 2), 2);
  const variable = random.pick(variables);
  const terms = Array.from({ length: random.between(4, 6) }, (_, index) => evaluate(sequence, index + 1));
  return {
    question: `What is the ${variable}'th term of ${terms.join(", ")}?`,
    answer: formatPolynomial(sequence, variable),
  };
}

function evaluateAt(random: Random): Question {
  const [name, variable] = [random.pick(["f", "g", "h"]), "x"];
  const polynomial = drawPolynomial(random, random.between(1, 3), 2);
  const at = drawInteger(random, 1);
  return {
    question: `Let ${name}(${variable}) = ${formatPolynomial(polynomial, variable)}. Give ${name}(${at}).`,
    answer: String(evaluate(polynomial, at)),
  };
}

function expand(random: Random): Question {
  const variable = random.pick(variables);
  const factors = Array.from({ length: random.between(2, 3) }, () => drawPolynomial(random, 1, 1));
  return {
    question: `Expand ${factors.map((factor) => `(${formatPolynomial(factor, variable)})`).join("*")}.`,
    answer: formatPolynomial(factors.reduce(multiply), variable),
  };
}

function addPolynomials(random: Random): Question {
  const variable = random.pick(variables);
  const [a, b] = [drawPolynomial(random, random.between(1, 3), 2), drawPolynomial(random, random.between(1, 3), 2)];
  return {
    question: `Collect the terms in ${formatPolynomial(a, variable)} + (${formatPolynomial(b, variable)}).`,
    answer: formatPolynomial(add(a, b), variable),
  };
}

function derivative(random: Random): Question {
  const variable = random.pick(variables);
  const order = random.between(1, 2);
  const polynomial = drawPolynomial(random, random.between(order, 4), 2);
  const differentiated = order === 1 ? differentiate(polynomial) : differentiate(differentiate(polynomial));
  const question = random.pick([
    `Find the ${ordinal(order)} derivative of ${formatPolynomial(polynomial, variable)} wrt ${variable}.`,
    `What is the ${ordinal(order)} derivative of ${formatPolynomial(polynomial, variable)} with respect to ${variable}?`,
  ]);
  return { question, answer: formatPolynomial(differentiated, variable) };
}
