// Questions about whole numbers: divisors, primes, remainders, digits.
import type { Random } from "../random.ts";
import { greatestCommonDivisor } from "./fraction.ts";
import { drawInteger, drawNatural, type Question, type QuestionMaker } from "./question.ts";

export const numbers: Record<string, QuestionMaker> = {
  numbers__gcd: commonDivisor,
  numbers__lcm: commonMultiple,
  numbers__is_prime: askPrime,
  numbers__list_prime_factors: listPrimeFactors,
  numbers__is_factor: askFactor,
  numbers__div_remainder: remainder,
  numbers__place_value: placeValue,
  numbers__round_number: roundNumber,
  numbers__base_conversion: convertBase,
};

function commonDivisor(random: Random): Question {
  const shared = random.between(1, 99);
  const [a, b] = [shared * random.between(1, 60), shared * random.between(1, 60)];
  const question = random.pick([
    `What is the greatest common divisor of ${a} and ${b}?`,
    `Calculate the highest common factor of ${a} and ${b}.`,
  ]);
  return { question, answer: String(greatestCommonDivisor(a, b)) };
}

function commonMultiple(random: Random): Question {
  const [a, b] = [random.between(2, 300), random.between(2, 300)];
  const question = random.pick([
    `What is the least common multiple of ${a} and ${b}?`,
    `Find the smallest common multiple of ${a} and ${b}.`,
  ]);
  return { question, answer: String((a / greatestCommonDivisor(a, b)) * b) };
}

function askPrime(random: Random): Question {
  const number = random.between(2, 99_999) | 1;
  const prime = primeFactors(number)[0] === number;
  const composite = random.below(2) === 0;
  const question = composite ? `Is ${number} composite?` : `Is ${number} a prime number?`;
  return { question, answer: yesOrNo(prime !== composite) };
}

function listPrimeFactors(random: Random): Question {
  const number = random.between(2, 99_999);
  const question = random.pick([`List the prime factors of ${number}.`, `What are the prime factors of ${number}?`]);
  return { question, answer: [...new Set(primeFactors(number))].join(", ") };
}

function askFactor(random: Random): Question {
  const factor = random.between(2, 99);
  const number = random.below(2) === 0 ? factor * random.between(2, 99) : random.between(100, 9_999);
  const question = random.pick([`Is ${factor} a factor of ${number}?`, `Is ${number} a multiple of ${factor}?`]);
  return { question, answer: yesOrNo(number % factor === 0) };
}

function remainder(random: Random): Question {
  const [dividend, divisor] = [random.between(10, 99_999), random.between(2, 199)];
  const question = random.pick([
    `What is the remainder when ${dividend} is divided by ${divisor}?`,
    `Calculate the remainder when ${dividend} is divided by ${divisor}.`,
  ]);
  return { question, answer: String(dividend % divisor) };
}

const placeNames = ["units", "tens", "hundreds", "thousands", "ten thousands", "hundred thousands"];

function placeValue(random: Random): Question {
  const digits = String(random.between(10, 999_999));
  const place = random.below(digits.length);
  return { question: `What is the ${placeNames[place]} digit of ${digits}?`, answer: digits.at(-1 - place)! };
}

function roundNumber(random: Random): Question {
  const power = random.between(1, 4);
  const unit = 10 ** power;
  const number = drawInteger(random, 6);
  // Halves are rounded away from zero.
  const rounded = Math.sign(number) * Math.round(Math.abs(number) / unit) * unit + 0;
  const names = ["ten", "hundred", "one thousand", "ten thousand"];
  return { question: `Round ${number} to the nearest ${names[power - 1]}.`, answer: String(rounded) };
}

function convertBase(random: Random): Question {
  const number = drawNatural(random, 5);
  const [from, to] = [random.between(2, 16), random.between(2, 16)];
  return {
    question: `What is ${number.toString(from)} (base ${from}) in base ${to}?`,
    answer: number.toString(to),
  };
}

/** @returns the prime factors in ascending order, each as often as it divides `number` */
function primeFactors(number: number): number[] {
  const factors: number[] = [];
  let rest = number;
  for (let candidate = 2; candidate * candidate <= rest; candidate++) {
    for (; rest % candidate === 0; rest /= candidate) factors.push(candidate);
  }
  if (rest > 1) factors.push(rest);
  return factors;
}

function yesOrNo(holds: boolean): string {
  return holds ? "True" : "False";
}
