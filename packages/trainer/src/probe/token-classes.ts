// Classes of tokens by their text, for asking where attention goes: `#`, `*`, whitespace, and those that a user names by pattern.
import { RecipeError } from "../recipe/recipe-error.ts";

/** Plain data: it is stored with a run. */
export interface TokenClass {
  name: string;
  /** A regular expression, `u` flag; a token belongs to the class when its text matches. */
  pattern: string;
}

/** What a token is that matches no pattern, and an image patch. */
export const otherClass = "other";

/** A byte is one character here; with a tokenizer a token may be several. */
export const defaultTokenClasses: readonly TokenClass[] = [
  { name: "#", pattern: "^\\s*#+\\s*$" },
  { name: "*", pattern: "^\\s*\\*+\\s*$" },
  { name: "whitespace", pattern: "^\\s+$" },
];

const MOST = 16;

/**
 * Reads `name=pattern`, as in `digit=^[0-9]$`.
 *
 * @throws RecipeError for anything else
 */
export function parseTokenClass(text: string): TokenClass {
  const [, name, pattern] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || pattern === undefined) {
    throw new RecipeError(`Token class "${text}" has no pattern; write name=pattern, as in digit=^[0-9]$`);
  }
  return { name, pattern };
}

/** A user's classes come first, so that they win where both match; one of the same name takes the place of the other. */
export function withTokenClasses(own: readonly TokenClass[], others: readonly TokenClass[]): TokenClass[] {
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...others.filter(({ name }) => !names.has(name))];
}

/** @throws RecipeError that names the class which is not allowed */
export function checkTokenClasses(classes: readonly TokenClass[]): void {
  if (classes.length > MOST) throw new RecipeError(`${classes.length} token classes; allowed are ${MOST}`);
  for (const [index, { name, pattern }] of classes.entries()) {
    if (name === otherClass)
      throw new RecipeError(`Token class "${name}" is what matches no pattern; choose another name`);
    if (!/^\S{1,40}$/.test(name)) {
      throw new RecipeError(`Token class "${name}": 1 to 40 characters without spaces are allowed as a name`);
    }
    if (classes.findIndex((other) => other.name === name) < index) {
      throw new RecipeError(`Token class "${name}" is given twice; one pattern can hold both, as in a|b`);
    }
    expressionOf({ name, pattern });
  }
}

/**
 * The class of each token: an index into `classes`, or `classes.length` for other.
 *
 * @param textOf the text of a token; asked once for each that occurs
 */
export function classifyTokens(
  tokens: Int32Array,
  classes: readonly TokenClass[],
  textOf: (token: number) => string,
): Int32Array {
  const expressions = classes.map(expressionOf);
  const known = new Map<number, number>();
  const classOf = (token: number) => {
    const text = textOf(token);
    const found = expressions.findIndex((expression) => expression.test(text));
    return found < 0 ? classes.length : found;
  };
  return tokens.map((token) => {
    const index = known.get(token) ?? classOf(token);
    known.set(token, index);
    return index;
  });
}

function expressionOf({ name, pattern }: TokenClass): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (cause) {
    throw new RecipeError(`Token class "${name}": ${(cause as Error).message}`, { cause });
  }
}
