import { expect, test } from "vitest";
import { syntheticChosen } from "../../testing/synthetic-run.ts";
import { routerLines, routerSentence, saturationLines } from "./router-model.ts";

const chosen = syntheticChosen({ layers: [0, 1, 2] });
const scalar = (name: string, value: number) => ({
  name,
  values: 1,
  sum: value,
  first: value,
  min: value,
  max: value,
  last: value,
});
/** The first probe has nothing to compare with. */
const buckets = [
  { firstStep: 19, lastStep: 19, steps: 1, scalars: [scalar("loss", 2)] },
  {
    firstStep: 39,
    lastStep: 39,
    steps: 1,
    scalars: [0, 1, 2].map((layer) => scalar(`router/churn/${layer}`, 0.1 * layer)),
  },
];
const runs = [{ chosen, buckets, lead: [] }];

test("a line for each layer, or their mean with the band from lowest to highest", () => {
  const layers = routerLines(runs, "router/churn", "step", "layers");
  expect(layers.map(({ layer, points }) => [layer, points.map(({ x, y }) => [x, y])])).toEqual([
    [0, [[39, 0]]],
    [1, [[39, 0.1]]],
    [2, [[39, 0.2]]],
  ]);
  const [mean] = routerLines(runs, "router/churn", "step", "mean");
  expect(mean!.points).toMatchObject([{ x: 39, y: expect.closeTo(0.1, 12), low: 0, high: 0.2 }]);
  expect(routerLines(runs, "router/churn", "step", "spread")[0]!.points[0]!.y).toBeCloseTo(0.1, 12);
});

test("a scalar that was never sent has no line", () => {
  for (const lines of ["layers", "mean", "spread"] as const)
    expect(routerLines(runs, "router/bias_changed", "step", lines)).toEqual([]);
});

test("saturation stands at the earlier probes", () => {
  const probe = { attempt: 1, saturation: [{ layer: 2, earlierStep: [19, 39], share: [0.5, 0.75] }] };
  const [line] = saturationLines([
    { chosen, probe },
    { chosen, probe: undefined },
  ]);
  expect(line).toMatchObject({
    layer: 2,
    points: [
      { x: 19, y: 0.5, attempt: 1 },
      { x: 39, y: 0.75 },
    ],
  });
});

test("the sentence names up to three lines, of more the ends", () => {
  const layers = routerLines(runs, "router/churn", "step", "layers");
  expect(routerSentence(layers.slice(0, 1), 39, "choices")).toMatch(/^Of the choices: 0 % in .* layer 0 at step 39\.$/);
  const more = [...layers, { ...layers[0]!, id: "x" }];
  expect(routerSentence(more, 39, "choices")).toMatch(/: 0 % in .* and 20 % in .*layer 2 at step 39\.$/);
  expect(routerSentence(layers, 20, "choices")).toBe("No probe at or before this step can tell.");
});
