// Which files a name means: whatever characters it has, and however often links lead to it.
import { mkdirSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { useDataFolder } from "./data-folder.fixture.ts";
import { isHeldOut } from "./held-out.ts";
import { findFiles } from "./source-files.ts";

const folder = useDataFolder();

/** Characters of which most mean something in a glob. */
const name = fc
  .array(fc.constantFrom("a", "1", " ", "(", ")", "[", "]", "{", "}", "*", "?", "!", "+", "@", ",", "|", "~"), {
    minLength: 1,
    maxLength: 8,
  })
  .map((characters) => `x${characters.join("")}.txt`);

test("a name that exists is taken as it is, in a folder of such a name too", async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(name, name, fc.boolean(), async (inner, outer, absolute) => {
      const of = `names/${number++}/${outer}`;
      const path = folder.write(`${of}/${inner}`, "text");
      folder.write(`${of}/other.txt`, "other");
      const asked = absolute ? path : relative(process.cwd(), path);
      expect((await findFiles("--data", asked)).map(({ path }) => path)).toEqual([path]);
      expect(await findFiles("--data", join(folder.path, of))).toHaveLength(2);
    }),
    { numRuns: 100 },
  );
});

test("a glob is one where no file has its name", async () => {
  for (const letter of ["a", "b", "c"]) folder.write(`glob/data (${letter}).txt`, "text");
  const found = await findFiles("--data", join(folder.path, "glob/data \\([ab]\\).txt"));
  expect(found.map(({ path }) => path.slice(-7))).toEqual(["(a).txt", "(b).txt"]);
});

describe("links", () => {
  test("to the folder itself, to a file and to another folder lead to each file once, under its own name", async () => {
    const own = ["a", "b", "c"].map((letter) => folder.write(`links/${letter}.txt`, letter));
    symlinkSync(".", join(folder.path, "links/self"));
    symlinkSync("a.txt", join(folder.path, "links/0.txt"));
    mkdirSync(join(folder.path, "links/deeper"));
    symlinkSync("..", join(folder.path, "links/deeper/up"));
    const found = await findFiles("--data", join(folder.path, "links/**/*.txt"));
    expect(found.map(({ path }) => path)).toEqual(own);
  });

  test("count once where several lead to one file elsewhere", async () => {
    const target = folder.write("elsewhere/long-name.txt", "text");
    mkdirSync(join(folder.path, "linked"));
    for (const link of ["one.txt", "other.txt"]) symlinkSync(target, join(folder.path, "linked", link));
    const found = await findFiles("--data", join(folder.path, "linked/*"));
    expect(found.map(({ path }) => path)).toEqual([join(folder.path, "linked/one.txt")]);
  });

  test("never put a text on both sides of the split", async () => {
    const held = Array.from({ length: 400 }, (_, n) => `sides/${n}.txt`).find((path) =>
      isHeldOut(join(folder.path, path)),
    )!;
    folder.write(held, "h".repeat(2000));
    folder.write("sides/trained.txt", "t".repeat(2000));
    symlinkSync(".", join(folder.path, "sides/self"));
    const corpus = await folder.open(join(folder.path, "sides"));
    expect(corpus.describe()[0]).toMatchObject({ files: 2 });
    const validated = await folder.open(join(folder.path, "sides"), {
      heldOut: join(folder.path, "sides/self", held.slice(6)),
    });
    expect(validated.describe()[0]).toMatchObject({ files: 1 });
  });
});
