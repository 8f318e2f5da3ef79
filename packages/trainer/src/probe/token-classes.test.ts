import { describe, expect, test } from "vitest";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { configurationOf, readConfiguration } from "../recipe/run-configuration.ts";
import { classifyTokens, defaultTokenClasses, parseTokenClass } from "./token-classes.ts";

const resolve = (...tokenClasses: { name: string; pattern: string }[]) =>
  resolveRecipe({ recipe: "demo", strategy: "none", settings: ["model.gate=softmax"], tokenClasses });

test("a token counts for the first class it matches", () => {
  const texts = ["#", " ##", "*", "**", " ", "\n\t", "a", "#a", "\ufffd", ""];
  const classes = [{ name: "break", pattern: "\\n" }, ...defaultTokenClasses];
  const found = classifyTokens(
    texts.map((_, index) => index) as unknown as Int32Array,
    classes,
    (token) => texts[token]!,
  );
  const names = Array.from(found, (index) => classes[index]?.name ?? "other");
  expect(names).toEqual(["#", "#", "*", "*", "whitespace", "break", "other", "other", "other", "other"]);
});

test("the text of a token is asked for once", () => {
  const asked: number[] = [];
  classifyTokens(Int32Array.of(7, 7, 3, 7), defaultTokenClasses, (token) => {
    asked.push(token);
    return "x";
  });
  expect(asked).toEqual([7, 3]);
});

describe("classes of the user's", () => {
  test("come before those of the recipe, and replace one of the same name", () => {
    const { probe } = resolve({ name: "digit", pattern: "^[0-9]$" }, { name: "#", pattern: "#" });
    expect(probe.tokenClasses.map(({ name, pattern }) => `${name} ${pattern}`)).toEqual([
      "digit ^[0-9]$",
      "# #",
      "* ^\\s*\\*+\\s*$",
      "whitespace ^\\s+$",
    ]);
  });

  test("are a part of the stored configuration", () => {
    const configuration = configurationOf(resolve({ name: "a=b.c", pattern: "=" }), {});
    expect(readConfiguration(JSON.parse(JSON.stringify(configuration)))).toEqual(configuration);
  });

  test("can be added to a stored configuration", () => {
    const change = { tokenClasses: [{ name: "x", pattern: "x" }] };
    const { probe } = readConfiguration(configurationOf(resolve(), {}), change);
    expect(probe.tokenClasses.map(({ name }) => name)).toEqual(["x", "#", "*", "whitespace"]);
  });

  test("are read up to the first =", () => {
    expect(parseTokenClass("equals=^=$")).toEqual({ name: "equals", pattern: "^=$" });
  });

  test.each(["digit", "=x", "digit="])("%s is no class", (text) => {
    expect(() => parseTokenClass(text)).toThrow(/has no pattern; write name=pattern/);
  });

  test.each([
    [{ name: "other", pattern: "x" }, /"other" is what matches no pattern/],
    [{ name: "two words", pattern: "x" }, /"two words": 1 to 40 characters without spaces/],
    [{ name: "broken", pattern: "[" }, /Token class "broken": Invalid regular expression/],
  ])("%o is refused", (tokenClass, message) => {
    expect(() => resolve(tokenClass)).toThrow(message);
  });
});

test.each([
  ["probe.every=-1", /probe.every is -1; allowed are whole numbers from 0/],
  ["probe.every=0.5", /probe.every is 0.5/],
])("%s is refused", (setting, message) => {
  const settings = ["model.gate=softmax", setting];
  expect(() => resolveRecipe({ recipe: "demo", strategy: "none", settings })).toThrow(message);
});
