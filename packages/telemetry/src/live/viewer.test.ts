import { expect, test } from "vitest";
import { Viewer } from "./viewer.ts";

const FULL = 400;
const THIN = 10;
const MOST = 1_500;

function viewerOfNewest() {
  return new Viewer(
    { runs: "all", layers: [3], newest: true },
    MOST,
    () => [],
    () => {},
  );
}

/** @returns what the first byte and the length of the next events are */
async function read(viewer: Viewer, events: number): Promise<[first: number, length: number][]> {
  const reader = viewer.events.getReader();
  const found: [number, number][] = [];
  for (let event = 0; event < events; event++) {
    const { value } = await reader.read();
    found.push([value![0]!, value!.length]);
  }
  return found;
}

const filled = (length: number, step: number) => new Uint8Array(length).fill(step);
const sendStep = (viewer: Viewer, run: string, step: number) =>
  viewer.send(filled(FULL, step), { run, thinned: () => filled(THIN, step) });

test("of the steps of a run that wait, the newest alone has every layer; so many more fit", async () => {
  const viewer = viewerOfNewest();
  for (let step = 0; step < 40; step++) expect(sendStep(viewer, "a", step)).toBe(0);
  sendStep(viewer, "b", 99);
  const found = await read(viewer, 41);
  expect(found.slice(0, 39)).toEqual(Array.from({ length: 39 }, (_, step) => [step, THIN]));
  expect(found.slice(39)).toEqual([
    [39, FULL],
    [99, FULL],
  ]);
});

test("a viewer that keeps up gets every step as it is", async () => {
  const viewer = viewerOfNewest();
  const reader = viewer.events.getReader();
  for (let step = 0; step < 5; step++) {
    sendStep(viewer, "a", step);
    expect((await reader.read()).value).toHaveLength(FULL);
  }
});

test("beyond its limit it loses what waits, thinned or not, and counts each once", async () => {
  const viewer = viewerOfNewest();
  sendStep(viewer, "a", 1);
  const lost = [7, 7, 7].map((first) => viewer.send(filled(FULL, first)));
  expect(lost).toEqual([0, 0, 3]);
  sendStep(viewer, "a", 2);
  const [notice, ...later] = await read(viewer, 3);
  expect(notice![1]).toBeLessThan(THIN);
  expect(later).toEqual([
    [7, FULL],
    [2, FULL],
  ]);
});
