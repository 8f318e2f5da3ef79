// A report of a short real run: one file that needs nothing else, whose numbers are those of the store.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { expect, it, vi } from "vitest";
import { type Row, rowsOf } from "../testing/csv-rows.ts";
import { moescope, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";
import { readApi } from "../testing/read-api.ts";

/** Milliseconds; a run and four commands, one after another. */
vi.setConfig({ testTimeout: 180_000 });

it("writes a run as one file with its figures, their data, and nothing from elsewhere", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const settings = ["--set", "probe.every=6", "--set", "evaluation.every=6", "--seed", "5"];
  const name = "a <b>bold</b> name";
  const trained = await moescope(
    ["train", ...tinyRun, ...settings, "--steps", "12", "--name", name, "--json"],
    directory,
  );
  expect(trained.code, trained.stderr).toBe(0);
  const { run } = JSON.parse(trained.stdout);
  const annotation = { name: "the <i>good</i> one", tags: ["paper"], notes: "even to the end" };
  const annotated = await fetch(`${http}/api/v1/runs/${run}/annotation`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(annotation),
  });
  expect(annotated.ok).toBe(true);
  const written = await moescope(["report", run.slice(0, -2), "--from", "2", "--out", "out/run.html"], directory);
  expect(written, written.stderr).toMatchObject({ code: 0, stdout: "out/run.html\n" });
  const html = readFileSync(join(directory, "out/run.html"), "utf8");

  const [shown, listed] = [await moescope(["show", run], directory), await moescope(["runs"], directory)];
  expect(shown.stdout).toMatch(/^name +the <i>good<\/i> one \(begun as a <b>bold<\/b> name\)$/m);
  expect(shown.stdout).toMatch(/^tags +paper$/m);
  expect(shown.stdout).toMatch(/^notes +even to the end$/m);
  expect(listed.stdout).toMatch(new RegExp(`^${run} +the <i>good</i> one +finished `, "m"));

  const targets = [...html.matchAll(/\s(?:src|href|xlink:href)="([^"]*)"/g)].map(([, target]) => target!);
  expect(targets.filter((target) => !/^(#|data:text\/csv;)/.test(target))).toEqual([]);
  expect(html.match(/<script|<link|<img|@import|url\((?!#)/gi)).toBeNull();
  expect(html.includes("a &lt;b&gt;bold&lt;/b&gt; name")).toBe(true);
  for (const text of ["<h1>the &lt;i&gt;good&lt;/i&gt; one</h1>", "<dd>paper</dd>", ">even to the end</p>"])
    expect(html).toContain(text);
  expect(html.includes("model.experts = ")).toBe(true);

  const tables = tablesOf(html);
  expect(Object.keys(tables)).toEqual([
    ...["loss", "max-violation", "relative-load", "modality-by-expert", "modality-share"],
    ...["attention-by-token", "heads-by-bin", "router-probes"],
  ]);
  expect(html.match(/<svg/g)).toHaveLength(Object.keys(tables).length);

  const base = `${http}/api/v1/runs/${run}`;
  const training = await readApi(v1.History, `${base}/history`);
  const losses = training.buckets.map(({ scalars }) => scalars!.find((scalar) => scalar.name === "loss")!.sum!);
  expect(
    numbersOf(
      tables.loss!.filter(({ line }) => line === "training"),
      "mean",
    ),
  ).toEqual(losses);
  expect(tables.loss!.filter(({ line }) => line === "validation")).not.toEqual([]);
  const violations = training.buckets.map(({ layers }) => layers![0]!.maxViolation!.sum!);
  expect(numbersOf(tables["max-violation"]!, "mean")).toEqual(violations);

  const window = await readApi(v1.History, `${base}/history?from=2&to=11&points=1&layers=all`);
  const { categories } = (await readApi(v1.RunSummary, base)).run!;
  for (const { category, expert, count } of tables["modality-by-expert"]!) {
    const load = window.buckets[0]!.layers![0]!.categories!.find((each) => categories![each.category!] === category)!;
    expect(Number(count)).toBe(load.counts![Number(expert)]);
  }
  const probe = await readApi(v1.Probe, `${base}/probe`);
  expect(numbersOf(tables["heads-by-bin"]!, "heads").reduce((sum, heads) => sum + heads, 0)).toBe(probe.heads.length);
  const churn = probe.scalars.find((scalar) => scalar.name === "router/churn/0")!.value;
  expect(tables["router-probes"]!.find(({ last_step }) => Number(last_step) === probe.step)!.mean).toBe(String(churn));

  const wrong = await moescope(["report", run, "--layers", "9", "--out", "x.html"], directory);
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("layer 9 of this run has no experts: allowed are 0"),
  });
  const form = await moescope(["report", run, "--out", "x.pdf"], directory);
  expect(form).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("x.pdf: allowed are names that end in .html"),
  });
});

/** The data of every figure by name. */
function tablesOf(html: string): Record<string, Row[]> {
  const files = html.matchAll(/download="([^"]+)\.csv" href="data:text\/csv;charset=utf-8,([^"]+)"/g);
  return Object.fromEntries([...files].map(([, name, data]) => [name!, rowsOf(decodeURIComponent(data!))]));
}

function numbersOf(rows: readonly Row[], column: string): number[] {
  return rows.map((row) => Number(row[column]));
}
