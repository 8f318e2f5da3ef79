import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { createClient } from "../api/client.ts";
import { answerProtobuf, startAnswering } from "../testing/answering-server.ts";
import { syntheticBuckets, syntheticRun, syntheticSummary } from "../testing/synthetic-run.ts";
import { buildReport } from "./index.ts";
import { linesOverSteps, linesSentence, scalarLine } from "./lines-over-steps-model.ts";
import { configurationOf, factsOf, layerRows } from "./report-facts.ts";

const NOW = new Date(1_800_000_000_000);
const options = { id: "r", layers: [1, 2], loss: (step: number) => (step === 3 ? Number.NaN : 5 - step) };

/** A collector whose run has a name that would be a script. */
async function reported(run: v1.RunDescription.$Properties, annotation?: v1.Annotation.$Properties): Promise<string> {
  const training = syntheticBuckets(4, options);
  const server = await startAnswering(({ url = "" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://collector");
    const split = searchParams.get("split");
    if (pathname.endsWith("/alerts")) {
      const alerts = [{ rule: v1.Alert.Rule.COLLAPSE, message: "layer 1 <collapses> & falls", beganStep: 2 }];
      return answerProtobuf(response, v1.AlertList.encode({ alerts }).finish());
    }
    if (pathname.endsWith("/probe")) return answerProtobuf(response, v1.Probe.encode({ run: "r" }).finish());
    if (pathname.endsWith("/history")) {
      const buckets = split !== null ? [] : searchParams.has("from") ? training.slice(3) : training;
      return answerProtobuf(response, v1.History.encode({ run: "r", bucketWidth: 1, buckets }).finish());
    }
    return answerProtobuf(
      response,
      v1.RunSummary.encode({ ...syntheticSummary(4, options), run, annotation }).finish(),
    );
  });
  try {
    return await buildReport(createClient(server.base), "r", {}, NOW);
  } finally {
    await server.close();
  }
}

test("one page that runs nothing and asks for nothing, whatever a run is called", async () => {
  const name = `<script src="https://example.org/x.js">alert(1)</script>`;
  const config = JSON.stringify({ data: { note: `"><img src=x onerror=alert(1)>` } });
  const html = await reported({ ...syntheticRun(options), name, configJson: config });
  expect(html.slice(0, 32)).toBe('<!doctype html>\n<html lang="en">');
  expect(html.match(/<script|<img|<link|<iframe|<object|@import|url\((?!#)/gi)).toBeNull();
  const targets = [...html.matchAll(/\s(?:src|href|xlink:href)="([^"]*)"/g)].map(([, target]) => target!);
  expect(targets.length).toBeGreaterThan(4);
  for (const target of targets) expect(target).toMatch(/^(#|data:text\/csv;)/);
  expect(html.includes("default-src &#x27;none&#x27;")).toBe(true);
  expect(html.includes("layer 1 &lt;collapses&gt; &amp; falls")).toBe(true);
  for (const svg of html.match(/<svg[\s\S]*?<\/svg>/g)!) expect(svg.match(/NaN|undefined|Infinity/)).toBeNull();
});

test("name, tags and notes that people wrote stand in it, beside the run's own", async () => {
  const run = { ...syntheticRun(options), name: "its own", tags: ["sweep"] };
  const html = await reported(run, {
    name: "the <good> one",
    tags: ["keep", "sweep"],
    notes: "first line\n<b>second</b>",
  });
  expect(html).toContain("<h1>the &lt;good&gt; one</h1>");
  expect(html).toContain("<dt>Its own name</dt><dd>its own</dd>");
  expect(html).toContain("<dt>Tags</dt><dd>sweep, keep</dd>");
  expect(html).toContain('<h2 id="notes">Notes</h2><p class="notes">first line\n&lt;b&gt;second&lt;/b&gt;</p>');
  const plain = await reported(run);
  expect(plain).toContain("<h1>its own</h1>");
  expect(plain).not.toMatch(/id="notes"|Its own name/);
});

test("figures hold their data, and a run without probes has no section for them", async () => {
  const html = await reported(syntheticRun(options));
  const files = [...html.matchAll(/download="([^"]+)" href="data:text\/csv;charset=utf-8,([^"]+)"/g)];
  expect(files.map(([, name]) => name)).toEqual([
    "loss.csv",
    "max-violation.csv",
    "relative-load.csv",
    "modality-by-expert.csv",
    "modality-share.csv",
  ]);
  const loss = decodeURIComponent(files[0]![2]!).trimEnd().split("\r\n");
  expect(loss).toEqual([
    "line,first_step,last_step,mean,low,high",
    "training,0,0,5,5,5",
    "training,1,1,4,4,4",
    "training,2,2,3,3,3",
    "training,3,3,,,",
  ]);
  expect(html.match(/<svg/g)).toHaveLength(5);
  expect(html.includes('id="attention"')).toBe(false);
});

test("a layer without experts is named", async () => {
  const server = await startAnswering((_, response) =>
    answerProtobuf(response, v1.RunSummary.encode(syntheticSummary(4, options)).finish()),
  );
  const building = buildReport(createClient(server.base), "r", { layers: [1, 7] }, NOW);
  await expect(building).rejects.toThrow("layer 7 of this run has no experts: allowed are 1, 2");
  await server.close();
});

test("a sentence says where a line begins, ends, and how far it went", () => {
  const line = scalarLine("training", syntheticBuckets(4, options), "loss");
  const model = linesOverSteps([line, { name: "validation", points: [] }], {
    title: "Loss",
    value: "loss",
    caption: "",
  })!;
  expect(model.names).toEqual(["training"]);
  expect(linesSentence(model, String)).toBe(
    "Training: from 5 at step 0 to 3 at step 2; lowest 3 at step 2, highest 5 at step 0.",
  );
  expect(linesOverSteps([], { title: "", value: "", caption: "" })).toBeUndefined();
});

test("facts that are not known are left out", () => {
  const facts = factsOf({ run: { id: "r", strategy: "none" }, loss: Number.NaN });
  expect(facts.map(([name]) => name)).not.toContain("Loss");
  expect(facts).toContainEqual(["Strategy", "no balancing"]);
});

test("a start that no calendar has is left out, like one that was never set", () => {
  const started = (startedAt: number) => new Map(factsOf({ run: { id: "r", startedAt } })).get("Started");
  expect(started(1_764_000_000_123.5)).toBe("2025-11-24 16:00:00 UTC");
  expect(started(8.64e15)).toBe("+275760-09-13 00:00:00 UTC");
  expect([0, -1, 8.64e15 + 2, 1e300, Number.NaN, Infinity, -Infinity].map(started)).toEqual(Array(7).fill(undefined));
});

test("the configuration stands as it is set; what is not JSON stands as it is", () => {
  const configJson = JSON.stringify({
    model: { experts: 8, dense: [0, 1] },
    data: { sources: [{ category: "code" }] },
  });
  expect(configurationOf({ configJson })).toEqual([
    ["model.experts", "8"],
    ["model.dense", "0, 1"],
    ["data.sources.0.category", "code"],
  ]);
  expect(configurationOf({ configJson: "experts=8" })).toEqual([["configuration", "experts=8"]]);
});

test("a row for each layer of the steps that are added up", () => {
  const layer = { layer: 3, tokens: 40, dropped: 20, maxViolation: { values: 2, sum: 1, min: 0.25, max: 0.75 } };
  const categories = [
    { category: 0, counts: [10, 0, 20, 10] },
    { category: 1, counts: [10, 0, 10, 20] },
  ];
  // Sums 20, 0, 30, 30: mean 20, so the busiest has 1.5 times its share, and expert 1 nothing; entropy 1.0822 of ln 4 nats.
  expect(layerRows({ layers: [{ ...layer, categories }] })).toEqual([
    ["3", "0.50", "0.75", "0.50", "0.61", "0.781", "2 (1.50 ×)", "1", "20 (20 %)"],
  ]);
  expect(layerRows(undefined)).toEqual([]);
});
