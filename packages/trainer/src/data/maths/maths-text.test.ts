import { describe, expect, test } from "vitest";
import { isHeldOut } from "../held-out.ts";
import { Random } from "../random.ts";
import { emptyRow } from "../row.fixture.ts";
import { drawQuestion, mathsText, questionMakers } from "./maths-text.ts";

/** Evaluates JavaScript arithmetic, which shares the notation of the questions: an opinion of its own about every answer. */
function calculate(expression: string, values: Record<string, number> = {}): number {
  // JavaScript refuses -x**2; "+ 0" turns −0 into 0.
  const body = `return ${expression.replace(/-(\w+)\*\*/g, "-1*$1**")} + 0`;
  return new Function(...Object.keys(values), body)(...Object.values(values));
}

const integersIn = (text: string) => (text.match(/-?\d+/g) ?? []).map(Number);
const divisors = (number: number) =>
  Array.from({ length: number }, (_, index) => index + 1).filter((d) => number % d === 0);
const isPrime = (number: number) => {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
};

/** For each kind of question: fails unless the answer is right, found in another way than the generator's. */
const checks: Record<string, (question: string, answer: string) => void> = {
  arithmetic__add_or_sub(question, answer) {
    const [a, b] = question
      .match(/-?\d+(\.\d+)?/g)!
      .slice(0, 2)
      .map(Number) as [number, number];
    const result = /\+|^Add/.test(question) ? a + b : /^Subtract/.test(question) ? b - a : a - b;
    expect(Number(answer)).toBeCloseTo(result, 6);
  },
  arithmetic__mul(question, answer) {
    const [a, b] = question.match(/-?\d+(\.\d+)?/g)!.map(Number) as [number, number];
    expect(Number(answer)).toBeCloseTo(a * b, 6);
  },
  arithmetic__div(question, answer) {
    const [a, b] = integersIn(question) as [number, number];
    expect(calculate(answer)).toBeCloseTo(a / b, 9);
    expectLowestTerms(answer);
  },
  arithmetic__mixed(question, answer) {
    expect(calculate(answer)).toBeCloseTo(calculate(/(?:is|of|Evaluate) ([-\d( ].*)[.?]$/.exec(question)![1]!), 9);
    expectLowestTerms(answer);
  },
  algebra__linear_1d(question, answer) {
    const [, left, right, variable] = /Solve (.*) = (.*) for (\w)/.exec(question)!;
    const at = (value: number) => calculate(`(${left}) - (${right})`, { [variable!]: value });
    expect(at(Number(answer))).toBe(0);
    expect(at(Number(answer) + 1)).not.toBe(0);
  },
  algebra__linear_2d(question, answer) {
    const [, first, sum, second, otherSum, x] = /Solve (.*) = (.*), (.*) = (.*) for (\w)/.exec(question)!;
    const y = /[a-z]/g.exec(first!.replaceAll(x!, ""))![0];
    const solutions = Array.from({ length: 199 }, (_, index) => index - 99).filter((value) => {
      const values = { [x!]: Number(answer), [y]: value };
      return calculate(first!, values) === Number(sum) && calculate(second!, values) === Number(otherSum);
    });
    expect(solutions).toHaveLength(1);
  },
  algebra__polynomial_roots(question, answer) {
    const [, variable, polynomial] = /Find (\w) such that (.*) = 0/.exec(question)!;
    const range = Array.from({ length: 199 }, (_, index) => index - 99);
    expect(range.filter((value) => calculate(polynomial!, { [variable!]: value }) === 0).join(", ")).toBe(answer);
  },
  algebra__sequence_next_term(question, answer) {
    // Differences of a polynomial of degree 2 vanish after three rounds.
    const terms = [...integersIn(question), Number(answer)];
    expect(differences(terms, 3).every((difference) => difference === 0)).toBe(true);
  },
  algebra__sequence_nth_term(question, answer) {
    const variable = /the (\w)'th/.exec(question)![1]!;
    const terms = integersIn(question);
    expect(terms.map((_, index) => calculate(answer, { [variable]: index + 1 }))).toEqual(terms);
  },
  polynomials__evaluate(question, answer) {
    const [, polynomial, at] = /= (.*)\. Give \w\((-?\d+)\)/.exec(question)!;
    expect(calculate(polynomial!, { x: Number(at) })).toBe(Number(answer));
  },
  polynomials__expand: (question, answer) => expectEqualPolynomials(/Expand (.*)\./.exec(question)![1]!, answer),
  polynomials__add: (question, answer) => expectEqualPolynomials(/terms in (.*)\./.exec(question)![1]!, answer),
  calculus__differentiate(question, answer) {
    const [, order, polynomial, variable] = /the (\w+) derivative of (.*) w.* (\w)[.?]$/.exec(question)!;
    for (const at of [-2, 1, 3]) {
      const slope = slopeAt((x) => calculate(polynomial!, { [variable!]: x }), order === "first" ? 1 : 2, at);
      expect(slope).toBeCloseTo(calculate(answer, { [variable!]: at }), 1);
    }
  },
  comparison__pair(question, answer) {
    const [a, b] = integersIn(question) as [number, number];
    expect(Number(answer)).toBe(question.includes("bigger") === a > b ? a : b);
  },
  comparison__kth_biggest(question, answer) {
    const list = integersIn(question);
    const ahead = list.filter((value) =>
      question.includes("biggest") ? value > Number(answer) : value < Number(answer),
    );
    const rank = ["second", "third", "fourth", "fifth", "sixth"].findIndex((word) => question.includes(word)) + 1;
    expect(list).toContain(Number(answer));
    expect(ahead).toHaveLength(rank);
  },
  comparison__sort(question, answer) {
    const sorted = integersIn(answer);
    expect(new Set(sorted)).toEqual(new Set(integersIn(question)));
    const direction = question.includes("ascending") ? 1 : -1;
    for (let index = 1; index < sorted.length; index++)
      expect((sorted[index]! - sorted[index - 1]!) * direction).toBeGreaterThan(0);
  },
  comparison__closest(question, answer) {
    const [target, ...list] = integersIn(question) as [number, ...number[]];
    const nearer = list.filter((value) => Math.abs(value - target) <= Math.abs(Number(answer) - target));
    expect(nearer).toEqual([Number(answer)]);
  },
  numbers__gcd(question, answer) {
    const [a, b] = integersIn(question) as [number, number];
    expect(
      divisors(a)
        .filter((divisor) => b % divisor === 0)
        .at(-1),
    ).toBe(Number(answer));
  },
  numbers__lcm(question, answer) {
    const [a, b] = integersIn(question) as [number, number];
    let multiple = a;
    while (multiple % b !== 0) multiple += a;
    expect(multiple).toBe(Number(answer));
  },
  numbers__is_prime(question, answer) {
    const prime = isPrime(integersIn(question)[0]!);
    expect(answer).toBe(prime === question.includes("prime") ? "True" : "False");
  },
  numbers__list_prime_factors(question, answer) {
    expect(divisors(integersIn(question)[0]!).filter(isPrime).join(", ")).toBe(answer);
  },
  numbers__is_factor(question, answer) {
    const [smaller, larger] = integersIn(question).sort((a, b) => a - b) as [number, number];
    expect(answer).toBe(Number.isInteger(larger / smaller) ? "True" : "False");
  },
  numbers__div_remainder(question, answer) {
    const [dividend, divisor] = integersIn(question) as [number, number];
    expect(dividend - Math.floor(dividend / divisor) * divisor).toBe(Number(answer));
  },
  numbers__place_value(question, answer) {
    const place = ["units", "tens", "hundreds", " thousands", "ten thousands", "hundred thousands"].findLastIndex(
      (name) => ` ${/the (.*) digit/.exec(question)![1]}`.includes(name),
    );
    expect(Math.floor(integersIn(question)[0]! / 10 ** place) % 10).toBe(Number(answer));
  },
  numbers__round_number(question, answer) {
    const unit = { ten: 10, hundred: 100, "one thousand": 1000, "ten thousand": 10_000 }[
      /nearest (.*)\./.exec(question)![1]!
    ]!;
    expect(Math.abs(Number(answer) % unit)).toBe(0);
    expect(Math.abs(Number(answer) - integersIn(question)[0]!)).toBeLessThanOrEqual(unit / 2);
  },
  numbers__base_conversion(question, answer) {
    const [, number, from, to] = /is (\w+) \(base (\d+)\) in base (\d+)/.exec(question)!;
    expect(Number.parseInt(answer, Number(to))).toBe(Number.parseInt(number!, Number(from)));
  },
};

function expectLowestTerms(fraction: string): void {
  const [numerator, denominator] = fraction.split("/").map(Number) as [number, number?];
  if (denominator === undefined) return;
  expect(denominator).toBeGreaterThan(1);
  for (let divisor = 2; divisor <= Math.min(denominator, 200); divisor++) {
    expect(denominator % divisor === 0 && numerator % divisor === 0).toBe(false);
  }
}

/** Polynomials of degree 4 or less that agree at seven points are equal. */
function expectEqualPolynomials(a: string, b: string): void {
  const variable = /[a-z]/.exec(a)![0];
  for (let at = -3; at <= 3; at++) expect(calculate(a, { [variable]: at })).toBe(calculate(b, { [variable]: at }));
  expect(b).not.toMatch(/\(/);
}

function slopeAt(f: (x: number) => number, order: 1 | 2, x: number): number {
  const h = 1e-3;
  return order === 1 ? (f(x + h) - f(x - h)) / (2 * h) : (f(x + h) - 2 * f(x) + f(x - h)) / h ** 2;
}

function differences(terms: number[], rounds: number): number[] {
  return rounds === 0
    ? terms
    : differences(
        terms.slice(1).map((term, index) => term - terms[index]!),
        rounds - 1,
      );
}

describe.each(Object.keys(questionMakers))("%s", (kind) => {
  test("answers are right", () => {
    const random = new Random(1);
    for (let drawn = 0; drawn < 200; drawn++) {
      const { question, answer } = questionMakers[kind]!(random);
      try {
        checks[kind]!(question, answer);
      } catch (cause) {
        throw new Error(`${question} → ${answer}`, { cause });
      }
      expect(question + answer).toMatch(/^[ -~]+$/);
    }
  });
});

test("a validation question is never one that training may ask", () => {
  const random = new Random(3);
  for (let drawn = 0; drawn < 300; drawn++) {
    expect(isHeldOut(drawQuestion("validation", random).question)).toBe(true);
    expect(isHeldOut(drawQuestion("training", random).question)).toBe(false);
  }
});

test("a sequence is questions and answers on lines of their own, the same for the same stream", () => {
  const [tokens, again] = [emptyRow(400), emptyRow(400)].map((row) => {
    mathsText.fill("training", new Random(9), row);
    return row.tokens;
  });
  expect(tokens).toEqual(again);
  const lines = String.fromCharCode(...tokens!).split("\n");
  expect(lines.length).toBeGreaterThan(6);
  expect(lines[0]).toMatch(/[.?0-9]$/);
  expect(lines.every((line, index) => index === lines.length - 1 || line.length > 0)).toBe(true);
});
