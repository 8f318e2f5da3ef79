// Probes the whole way: a real run measures them, a real collector stores them, the API answers with what was sent.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headCategories, headCategory } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { startCollector } from "@moescope/telemetry";
import {
  beginRun,
  CollectorReporter,
  configurationOf,
  describeRun,
  fitToData,
  openBackend,
  openCorpus,
  type Reporter,
  resolveRecipe,
  type StepReport,
  train,
} from "@moescope/trainer";
import { expect, it, onTestFinished } from "vitest";

const settings = [
  ...["model.layers=3", "model.denseLayers=1", "model.width=32", "model.heads=2", "model.experts=4"],
  ...["model.expertWidth=16", "data.batch=4", "data.sequence=32", "data.validationBatches=1", "probe.every=4"],
];

it("stores attention and heads as the run sent them", async () => {
  const directory = mkdtempSync(join(tmpdir(), "moescope-probe-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const options = { dataDirectory: directory, logLevel: "silent", http: { port: 0 }, grpc: { port: 0 } } as const;
  const collector = await startCollector(options);
  const sent = await trainInto(collector.grpcAddress, join(directory, "spool"));
  const probes = sent.filter(({ split }) => split === v1.Split.PROBE);
  expect(probes.map(({ step }) => step)).toEqual([3, 7, 9]);

  const check = async (address: string) => {
    for (const report of probes) {
      const stored = await probeAt(address, report.step!);
      expect(stored.steps).toEqual([3, 7, 9]);
      expect(stored.step).toBe(report.step);
      expect(contentOf(stored)).toEqual(contentOf(report));
    }
  };
  await check(collector.httpAddress);
  await collector.stop();
  const restarted = await startCollector(options);
  onTestFinished(() => restarted.stop());
  await check(restarted.httpAddress);

  const last = await probeAt(restarted.httpAddress, 9);
  expect(last.saturation.map(({ layer, earlierStep }) => [layer, earlierStep])).toEqual([
    [1, [3, 7]],
    [2, [3, 7]],
  ]);
  const categories = last.heads.map(headCategory);
  expect(categories).toHaveLength(3 * 2);
  for (const category of categories) expect(headCategories).toContain(category);
});

/** @returns every step as it was given to the reporter */
async function trainInto(address: string, spoolDirectory: string): Promise<StepReport[]> {
  const { name: backend } = await openBackend();
  const recipe = resolveRecipe({ recipe: "quick", strategy: "loss-free-bias", steps: 10, settings });
  const corpus = await openCorpus({ ...recipe.data, seed: 0, sources: [{ category: "docs" }] });
  const configuration = fitToData(configurationOf(recipe, {}), corpus);
  const identity = { id: "probed", name: "probed", codeVersion: "test" };
  const begun = beginRun({ configuration, corpus, identity, backend, notice: () => {} });
  const run = { ...describeRun(configuration, corpus, identity), id: identity.id };
  const collecting = new CollectorReporter({ address, spoolDirectory, run, notice: () => {} });
  const sent: StepReport[] = [];
  const reporter: Reporter = {
    step(report) {
      sent.push(report);
      collecting.step(report);
    },
    end: (outcome, reason) => collecting.end(outcome, reason),
    statistics: () => collecting.statistics(),
  };
  const { reporting } = await train({ recipe: configuration, corpus, reporter, ...begun });
  expect(reporting).toMatchObject({ acknowledged: sent.length + 1, rejected: 0, dropped: 0 });
  return sent;
}

async function probeAt(address: string, step: number): Promise<v1.Probe> {
  const headers = { Accept: "application/x-protobuf" };
  const answer = await fetch(`http://${address}/api/v1/runs/probed/probe?step=${step}`, { headers });
  expect(answer.status).toBe(200);
  return v1.Probe.decode(new Uint8Array(await answer.arrayBuffer()));
}

/** What was found, at the precision of the message. */
function contentOf({ scalars, attention, heads, saturation }: StepReport | v1.Probe): object {
  const bytes = v1.Probe.encode({ scalars, attention, heads, saturation }).finish();
  return v1.Probe.toObject(v1.Probe.decode(bytes));
}
