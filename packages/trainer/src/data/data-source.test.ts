import { expect, test } from "vitest";
import { parseDataSource, withHeldOut } from "./data-source.ts";

test("data is a name with a glob, or something built in", () => {
  expect(parseDataSource("mine=a/**/*.{txt,md}")).toEqual({ category: "mine", glob: "a/**/*.{txt,md}" });
  expect(parseDataSource("mine=a=b.txt")).toEqual({ category: "mine", glob: "a=b.txt" });
  expect(parseDataSource("docs")).toEqual({ category: "docs" });
  expect(parseDataSource("docs=mine/*.md")).toEqual({ category: "docs", glob: "mine/*.md" });
  expect(parseDataSource("shapes")).toEqual({ category: "shapes" });
});

test("field and weight stand at the name, so that a glob may hold any character", () => {
  expect(parseDataSource("web:content@2.5=a@(b|c)/x:y#z.jsonl")).toEqual({
    category: "web",
    field: "content",
    weight: 2.5,
    glob: "a@(b|c)/x:y#z.jsonl",
  });
  expect(parseDataSource("web:content=a")).toEqual({ category: "web", field: "content", glob: "a" });
  expect(parseDataSource("maths@0.5")).toEqual({ category: "maths", weight: 0.5 });
});

test.each([
  ["mine", /mine=glob, or something built in: code, docs, maths, shapes/],
  ["mine=", /mine=glob/],
  ["code=", /code=glob/],
  ["maths:text", /maths=glob/],
  ["=x", /"" is no category name/],
  ["", /"" is no category name/],
  ["a b=x", /"a b" is no category name/],
  ["a:=x", /field after ":" is empty/],
  ["a@0=x", /"0" is no weight; numbers above 0/],
  ["a@-1=x", /"-1" is no weight/],
  ["a@=x", /"" is no weight/],
  ["a@many=x", /"many" is no weight/],
])("--data %s is refused", (text, message) => {
  expect(() => parseDataSource(text)).toThrow(message);
});

test("files to validate on are added to the source of their name", () => {
  const sources = ["mine=a/*", "maths"].map(parseDataSource);
  expect(withHeldOut(sources, ["mine=b/*"])).toEqual([{ category: "mine", glob: "a/*", heldOut: "b/*" }, sources[1]]);
  expect(() => withHeldOut(sources, ["maths=b/*"])).toThrow(/"maths" names no data with files; allowed: mine/);
  expect(() => withHeldOut([], ["mine=b/*"])).toThrow(/allowed: none, since no --data name=glob is given/);
  expect(() => withHeldOut(sources, ["mine=b", "mine=c"])).toThrow(/"mine" is given twice/);
  for (const wrong of ["mine", "mine=", "mine@2=b", "mine:text=b"]) {
    expect(() => withHeldOut(sources, [wrong])).toThrow(`--validation ${wrong}: name=glob is allowed`);
  }
});
