// The five figures, of short real runs stored by a real collector: numbers against the store, drawings against golden files.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { headCategories, headCategory, relativeLoad } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { expect, it, vi } from "vitest";
import { type Row, rowsOf } from "../testing/csv-rows.ts";
import { moescope, startCollect, temporaryDirectory } from "../testing/moescope.ts";
import { readApi } from "../testing/read-api.ts";

/** Milliseconds; three runs and a dozen commands, one after another. */
vi.setConfig({ testTimeout: 180_000 });

/** WebAssembly computes the same bits on every machine, and generated images do not depend on what is installed. */
const common = ["--backend", "wasm", "--data", "shapes", "--steps", "20", "--seed", "3"];
const model = [
  ...["--recipe", "quick"],
  ...["--set", "model.layers=3", "--set", "model.width=16", "--set", "model.heads=2", "--set", "model.experts=4"],
  ...["--set", "model.expertWidth=8", "--set", "data.batch=4", "--set", "data.sequence=32", "--set", "probe.every=10"],
];
const [experts, layers, lastTenth] = [4, [0, 1, 2], [18, 19]];

it("draws all five from what is stored", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const train = async (name: string, ...more: string[]): Promise<string> => {
    const { code, stdout, stderr } = await moescope(["train", ...common, "--name", name, "--json", ...more], directory);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout).run;
  };
  const draw = async (name: string, ids: string[], ...more: string[]): Promise<Row[]> => {
    const out = [".svg", ".png", ".csv"].map((ending) => name + ending);
    const drawn = await moescope(["figure", name, "--runs", ids.join(), ...more, "--out", ...out], directory);
    expect(drawn, drawn.stderr).toMatchObject({ code: 0, stdout: out.map((path) => `${path}\n`).join("") });
    expectGolden(`${name}.svg`, readFileSync(join(directory, `${name}.svg`), "utf8"));
    expect(
      readFileSync(join(directory, `${name}.png`))
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
    return rowsOf(readFileSync(join(directory, `${name}.csv`), "utf8"));
  };
  const auxiliary = await train("auxiliary", ...model, "--strategy", "auxiliary-loss");
  const base = await train("base", ...model);
  const child = await train("child", "--from", base, "--set", "optimizer.learningRate=0.01");

  const stored = await readApi(v1.History, `${http}/api/v1/runs/${base}/history?from=18&to=19&points=1&layers=all`);
  const { categories } = (await readApi(v1.RunSummary, `${http}/api/v1/runs/${base}`)).run!;
  expect(categories!.toSorted()).toEqual(["image", "text"]);
  const countsOf = (layer: number, category: string): number[] =>
    stored.buckets[0]!.layers![layer]!.categories!.find((load) => categories![load.category] === category)!.counts!;

  const byExpert = await draw("modality-by-expert", [base]);
  expect(byExpert).toHaveLength(layers.length * categories!.length * experts);
  for (const { layer, category, expert, count, percent_of_category } of byExpert) {
    const counts = countsOf(Number(layer), category!);
    expect(Number(count)).toBe(counts[Number(expert)]);
    expect(Number(percent_of_category)).toBeCloseTo((100 * Number(count)) / sum(counts), 9);
  }

  const share = await draw("modality-share", [base]);
  for (const layer of layers) {
    const rows = share.filter((row) => Number(row.layer) === layer);
    expect(
      rows
        .filter(({ category }) => category === "text")
        .map(({ expert }) => Number(expert))
        .sort(),
    ).toEqual([0, 1, 2, 3]);
    for (const { expert, category, count } of rows)
      expect(Number(count)).toBe(countsOf(layer, category!)[Number(expert)]);
    for (let rank = 0; rank < experts; rank++) {
      expect(
        sum(rows.filter((row) => Number(row.rank) === rank).map((row) => Number(row.percent_of_expert))),
      ).toBeCloseTo(100, 9);
    }
  }

  const relative = await draw("relative-load", [base, auxiliary]);
  expect(relative).toHaveLength(2 * layers.length * categories!.length * experts);
  for (const row of relative.filter((each) => each.run === base)) {
    expect([Number(row.first_step), Number(row.last_step)]).toEqual(lastTenth);
    const counts = countsOf(Number(row.layer), row.category!);
    expect(Number(row.relative_load)).toBeCloseTo(relativeLoad(counts)[Number(row.expert)]!, 9);
  }

  const probe = await readApi(v1.Probe, `${http}/api/v1/runs/${child}/probe`);
  const attention = await draw("attention-by-token", [child, base]);
  expect([...new Set(attention.map(({ run: id }) => id))]).toEqual([base, child]);
  for (const { layer, token_class, percent_of_attention } of attention.filter(({ run: id }) => id === child)) {
    const mean = probe.attention!.find((each) => each.layer === Number(layer) && each.head === -1)!;
    const place = mean.tokenClass!.indexOf(token_class!);
    expect(Number(percent_of_attention)).toBeCloseTo(100 * mean.share![place]!, 6);
  }

  const heads = await draw("heads-by-bin", [child], "--bins", "2");
  const found = probe.heads!.map((head) => headCategory(v1.HeadProfile.fromObject(head)));
  for (const category of headCategories) {
    const rows = heads.filter((row) => row.head_category === category);
    expect(sum(rows.map((row) => Number(row.heads)))).toBe(found.filter((each) => each === category).length);
  }
  for (const bin of ["0", "1"]) {
    const inBin = heads.filter(({ first_layer }) => first_layer === bin);
    expect(sum(inBin.map(({ percent }) => Number(percent)))).toBe(100);
  }

  const two = await moescope(["figure", "modality-share", "--runs", `${base},${child}`, "--out", "x.svg"], directory);
  expect(two).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--runs names 2 runs; modality-share draws one"),
  });
});

it("says of a run that was not probed that it has no attention to draw", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const trained = await moescope(
    ["train", ...common, ...model, "--steps", "2", "--set", "probe.every=0", "--json"],
    directory,
  );
  const { run: id } = JSON.parse(trained.stdout);
  expect((await readApi(v1.Probe, `${http}/api/v1/runs/${id}/probe`)).steps).toEqual([]);
  for (const [figure, what] of [
    ["attention-by-token", "no attention"],
    ["heads-by-bin", "no heads"],
  ] as const) {
    const drawn = await moescope(["figure", figure, "--runs", id, "--out", "x.svg"], directory);
    expect(drawn).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${what} was probed in ${id}`.replace("heads was", "heads were")),
    });
  }
});

/** `UPDATE_GOLDEN=1` writes it anew; look at the picture before committing it. */
function expectGolden(name: string, svg: string): void {
  const golden = new URL(`../../golden/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden, svg);
  expect(svg).toBe(readFileSync(golden, "utf8"));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
