// Polynomials with whole coefficients: coefficient i belongs to the variable's i-th power.
import type { Random } from "../random.ts";
import { drawInteger, drawNonZero } from "./question.ts";

export type Polynomial = readonly number[];

/** @returns a polynomial of exactly this degree */
export function drawPolynomial(random: Random, degree: number, digits: number): Polynomial {
  return [...Array.from({ length: degree }, () => drawInteger(random, digits)), drawNonZero(random, digits)];
}

/** @returns for example `-2*x**3 + x - 5`; `0` when every coefficient is 0 */
export function formatPolynomial(polynomial: Polynomial, variable: string): string {
  const terms = polynomial
    .map((coefficient, power) => ({ coefficient, power }))
    .filter((term) => term.coefficient !== 0);
  if (terms.length === 0) return "0";
  return terms
    .reverse()
    .map(({ coefficient, power }, index) => {
      const sign = coefficient < 0 ? (index === 0 ? "-" : " - ") : index === 0 ? "" : " + ";
      return sign + formatTerm(Math.abs(coefficient), power, variable);
    })
    .join("");
}

export function evaluate(polynomial: Polynomial, at: number): number {
  return polynomial.reduceRight((value, coefficient) => value * at + coefficient, 0);
}

export function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const product = new Array<number>(a.length + b.length - 1).fill(0);
  for (const [i, left] of a.entries()) for (const [j, right] of b.entries()) product[i + j]! += left * right;
  return product;
}

export function add(a: Polynomial, b: Polynomial): Polynomial {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, power) => (a[power] ?? 0) + (b[power] ?? 0));
}

export function differentiate(polynomial: Polynomial): Polynomial {
  return polynomial.slice(1).map((coefficient, index) => coefficient * (index + 1));
}

function formatTerm(size: number, power: number, variable: string): string {
  if (power === 0) return String(size);
  return `${size === 1 ? "" : `${size}*`}${variable}${power === 1 ? "" : `**${power}`}`;
}
