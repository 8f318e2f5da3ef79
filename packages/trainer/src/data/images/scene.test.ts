import { expect, test } from "vitest";
import { Random } from "../random.ts";
import { colours, describeScene, drawScene, paintScene, places, type Scene, sceneKey, shapes, sizes } from "./scene.ts";
import { drawSceneOf } from "./shapes.ts";

const scenes = (count: number) => Array.from({ length: count }, (_, n) => drawScene(new Random(n)));
const keys = <Table extends object>(table: Table) => Object.keys(table) as (keyof Table)[];

test("a caption names every thing with its colour and place, and nothing that is not there", () => {
  for (const [n, scene] of scenes(400).entries()) {
    const caption = describeScene(scene, new Random(n, 1)).toLowerCase();
    const named = (words: string[]) => words.filter((word) => caption.includes(word)).sort();
    const shown = (words: string[]) => [...new Set(words)].sort();
    expect(named(keys(colours))).toEqual(shown(scene.map(({ colour }) => colour)));
    expect(named(keys(shapes))).toEqual(shown(scene.map((thing) => thing.shape)));
    expect(named(keys(places))).toEqual(shown(scene.map(({ place }) => place)));
    for (const size of named(keys(sizes))) expect(scene.map((thing) => thing.size)).toContain(size);
  }
});

test("captions are worded in many ways", () => {
  const scene: Scene = [{ shape: "ring", colour: "orange", size: "small", place: "top left" }];
  const captions = new Set(Array.from({ length: 100 }, (_, n) => describeScene(scene, new Random(n))));
  expect(captions.size).toBe(10);
  expect(captions).toContain("An orange ring in the top left.\n");
  expect(captions).toContain("In the top left, a small orange ring.\n");
});

test("every shape is painted in its colour at its place, larger when it is large", () => {
  for (const shape of keys(shapes)) {
    for (const place of keys(places)) {
      const [small, large] = keys(sizes).map((size) => painted([{ shape, place, size, colour: "blue" }]));
      expect(small!.length).toBeGreaterThan(8);
      expect(large!.length).toBeGreaterThan(small!.length * 1.4);
      for (const axis of [0, 1] as const) {
        const mean = large!.reduce((sum, pixel) => sum + pixel[axis] + 0.5, 0) / large!.length;
        // Half a pixel of the grid, 0.8 of jitter; the middle of a triangle is below that of its box.
        expect(Math.abs(mean - places[place][axis])).toBeLessThan(2.3);
      }
    }
  }
});

/** Pixels in blue. */
function painted(scene: Scene): [x: number, y: number][] {
  const picture = paintScene(scene, new Random(3));
  const pixels = Array.from({ length: 1024 }, (_, i): [number, number] => [i % 32, Math.floor(i / 32)]);
  return pixels.filter(
    ([x, y]) => picture.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3).join() === colours.blue.join(),
  );
}

test("no scene that validation shows is ever trained on, however its things are ordered", () => {
  const [random, validated] = [new Random(5), new Set<string>()];
  for (let n = 0; n < 400; n++) validated.add(sceneKey(drawSceneOf("validation", random)));
  expect(validated.size).toBeGreaterThan(100);
  for (let n = 0; n < 4000; n++) expect(validated).not.toContain(sceneKey(drawSceneOf("training", random)));
  const [scene] = scenes(50).filter(({ length }) => length === 2);
  expect(sceneKey([...scene!].reverse())).toBe(sceneKey(scene!));
});
