// Images with captions, of the user's and generated, through to the batches.
import { join } from "node:path";
import { PNG } from "pngjs";
import { describe, expect, test } from "vitest";
import { type Batch, type Corpus, openCorpus } from "../corpus.ts";
import { batchesOf, shape, useDataFolder } from "../data-folder.fixture.ts";
import { patchSize } from "./picture.ts";

const folder = useDataFolder();
const width = shape.sequence + 1;

/** A picture of one grey level, which tells it from others. */
function grey(level: number): Buffer {
  const png = new PNG({ width: 40, height: 32 });
  for (let i = 0; i < 40 * 32; i++) png.data.set([level, level, level, 255], i * 4);
  return PNG.sync.write(png);
}

interface SeenPair {
  levels: number[];
  caption: string;
}

/** What rows hold: grey level of each patch, and the caption that follows. The last pair of a row may be cut off. */
function pairsOf({ tokens, categories, patches, isPatch }: Batch): SeenPair[] {
  const pairs: SeenPair[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const startsPair = isPatch![at] === 1 && (at % width === 0 || isPatch![at - 1] === 0);
    if (startsPair) pairs.push({ levels: [], caption: "" });
    const pair = pairs.at(-1)!;
    expect(categories[at]).toBe(isPatch![at] ? 0 : 1);
    const values = patches!.subarray(at * patchSize, (at + 1) * patchSize);
    if (isPatch![at]) {
      expect(tokens[at]).toBe(0);
      pair.levels.push(Math.round((values[0]! + 1) * 127.5));
    } else {
      expect(values.every((value) => value === 0)).toBe(true);
      pair.caption += String.fromCharCode(tokens[at]!);
    }
  }
  return pairs;
}

const whole = (pairs: SeenPair[]) => pairs.filter(({ caption }) => caption.endsWith("\0"));

describe("images of the user's", () => {
  test("patches are followed by their caption, from a file beside the image", async () => {
    for (let n = 0; n < 60; n++) {
      folder.write(`beside/${n}.png`, grey(n * 4));
      folder.write(`beside/${n}.txt`, `number ${n}\n`);
    }
    const corpus = await folder.open(join(folder.path, "beside/*"));
    expect(corpus).toMatchObject({ categories: ["image", "text"], patchSize: 192, vocabulary: 256 });
    const [training, validation] = [batchesOf(corpus, 30), corpus.validation].map((side) =>
      whole(side.flatMap(pairsOf)),
    );
    const sides = [training!, validation!].map((pairs) => {
      expect(pairs.length).toBeGreaterThan(10);
      for (const { levels, caption } of pairs) {
        const number = Number(/^number (\d+)\0$/.exec(caption)![1]);
        expect(levels).toEqual(new Array(16).fill(number * 4));
      }
      return new Set(pairs.map(({ caption }) => caption));
    });
    for (const caption of sides[1]!) expect(sides[0]).not.toContain(caption);
  });

  test("captions.jsonl in the folder or the one above has one or more captions of each", async () => {
    folder.write("list/captions.jsonl", '{"file": "a.png", "caption": "one"}\n{"file": "a.png", "caption": "two"}\n');
    folder.write("list/a.png", grey(100));
    folder.write("list/deep/captions.jsonl", "");
    for (let n = 0; n < 3; n++) folder.write(`list/deep/${n}.png`, grey(10 * n));
    const lines = [0, 1, 2].map((n) => JSON.stringify({ file: `deep/${n}.png`, caption: `deep ${n}` }));
    folder.write(
      "list/captions.jsonl",
      `{"file": "a.png", "caption": "one"}\n{"file": "a.png", "caption": "two"}\n${lines.join("\n")}`,
    );
    const corpus = await folder.open(join(folder.path, "list/**/*.png"));
    const seen = whole([...batchesOf(corpus, 30), ...corpus.validation].flatMap(pairsOf));
    const captions = new Set(seen.map(({ levels, caption }) => `${levels[0]} ${caption.slice(0, -1)}`));
    expect([...captions].sort()).toEqual(["0 deep 0", "10 deep 1", "100 one", "100 two", "20 deep 2"]);
  });

  test("all captions of an image are on one side, of few images as well", async () => {
    const captions = Array.from({ length: 8 }, (_, n) => JSON.stringify({ file: "b.png", caption: `b ${n}` }));
    folder.write("few/captions.jsonl", `{"file": "a.png", "caption": "a"}\n${captions.join("\n")}`);
    folder.write("few/a.png", grey(0));
    folder.write("few/b.png", grey(200));
    const corpus = await folder.open(join(folder.path, "few/*.png"));
    const levels = (batches: Batch[]) => [...new Set(batches.flatMap(pairsOf).map((pair) => pair.levels[0]!))];
    const sides = [levels(batchesOf(corpus, 10)), levels(corpus.validation)];
    expect(sides.map((side) => side.length)).toEqual([1, 1]);
    expect(sides[0]).not.toEqual(sides[1]);
  });

  test("files of their own validate", async () => {
    for (const [name, level] of [
      ["t", 50],
      ["v", 150],
    ] as const) {
      folder.write(`sides/${name}.png`, grey(level));
      folder.write(`sides/${name}.txt`, name);
    }
    const corpus = await folder.open(join(folder.path, "sides/*.png"), { heldOut: join(folder.path, "sides/v.png") });
    expect(new Set(corpus.validation.flatMap(pairsOf).flatMap(({ levels }) => levels))).toEqual(new Set([150]));
    expect(
      new Set(
        batchesOf(corpus, 5)
          .flatMap(pairsOf)
          .flatMap(({ levels }) => levels),
      ),
    ).toEqual(new Set([50]));
  });

  test("what cannot be used is refused, naming it and what is allowed", async () => {
    const alone = folder.write("wrong/alone.png", grey(0));
    await expect(folder.open(alone)).rejects.toThrow(
      /alone\.png has no caption; alone\.txt beside it is allowed, or a line \{"file", "caption"\} in captions\.jsonl/,
    );
    folder.write("wrong/alone.txt", "x");
    await expect(folder.open(alone)).rejects.toThrow(/1 image is too few/);
    await expect(folder.open(alone, { sequence: 16 })).rejects.toThrow(/data\.sequence is 16; images need 17 or more/);
    folder.write("wrong/table.jsonl", "{}");
    await expect(folder.open(join(folder.path, "wrong/*"))).rejects.toThrow(/table\.jsonl lies among images/);
    const text = folder.write("text.txt", "words");
    await expect(folder.open(alone, { heldOut: text })).rejects.toThrow(/text\.txt holds no image/);
    const broken = folder.write("broken/a.png", grey(0).subarray(0, 60));
    folder.write("broken/a.txt", Buffer.from([0xff]));
    await expect(folder.open(broken)).rejects.toThrow(/a\.txt is no text/);
    folder.write("broken/a.txt", "caption");
    await expect(folder.open(broken)).rejects.toThrow(/a\.png cannot be decoded/);
    folder.write("broken/captions.jsonl", '{"file": "a.png"}');
    await expect(folder.open(broken)).rejects.toThrow(/captions\.jsonl:1 lacks "file" or "caption"/);
  });
});

describe("shapes", () => {
  const open = (sources = [{ category: "shapes" }]): Promise<Corpus> =>
    openCorpus({ ...shape, sequence: 128, sources });

  test("any batch can be drawn without the ones before it", async () => {
    const [one, other] = [await open(), await open()];
    batchesOf(one, 4);
    expect(one.batchAt(4)).toEqual(other.batchAt(4));
    expect(one.batchAt(4).patches).not.toEqual(one.batchAt(5).patches);
    expect(one.batchAt(4).patches!.some((value) => value < -0.5)).toBe(true);
  });

  test("rows of text beside them have no patches", async () => {
    const corpus = await open([{ category: "maths" }, { category: "shapes" }]);
    expect(corpus.categories).toEqual(["maths", "image", "text"]);
    const { categories, isPatch, patches } = corpus.batchAt(0);
    for (let row = 0; row < shape.batch; row++) {
      const [from, to] = [row * 129, (row + 1) * 129];
      const isMaths = categories[from] === 0;
      expect([...categories.subarray(from, to)].every((category) => (category === 0) === isMaths)).toBe(true);
      expect(isPatch!.subarray(from, to).includes(1)).toBe(!isMaths);
      expect(patches!.subarray(from * 192, to * 192).some((value) => value !== 0)).toBe(!isMaths);
    }
  });

  test("text alone has neither patches nor a place for them", async () => {
    const corpus = await open([{ category: "maths" }]);
    expect(corpus.patchSize).toBe(0);
    expect(Object.keys(corpus.batchAt(0)).sort()).toEqual(["categories", "tokens"]);
  });
});
