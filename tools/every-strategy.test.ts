// Every balancing strategy, trained into a real collector: all that it reports is accepted.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  beginRun,
  CollectorReporter,
  configurationOf,
  describeRun,
  fitToData,
  openBackend,
  openCorpus,
  RecipeError,
  resolveRecipe,
  strategies,
  train,
} from "@moescope/trainer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";

const SMALL = [
  ...["model.layers=2", "model.width=32", "model.heads=2", "model.experts=8", "model.expertWidth=16"],
  ...["data.batch=8", "data.sequence=40", "data.validationBatches=2", "probe.every=2"],
];
/** Patches, captions, mathematics: three categories of two modalities. */
const SOURCES = [{ category: "shapes" }, { category: "maths", weight: 2 }];
/** What a strategy is also trained with, where it can be. */
const EXTRAS = [
  ["model.capacityFactor=1"],
  ["model.identityExperts=2"],
  ["model.groups=4", "model.groupsKept=2"],
] as const;

const directory = mkdtempSync(join(tmpdir(), "moescope-every-strategy-"));
const { name: backend } = await openBackend();
let collector: CollectorProcess;
beforeAll(async () => {
  collector = await startCollectorProcess(join(directory, "data"));
});
afterAll(async () => {
  await collector.kill();
  rmSync(directory, { recursive: true });
});

test.each([...Object.keys(strategies), "quantile-histogram@0/expert-threshold@1-"])(
  "%s is accepted, training, evaluation and probes",
  async (strategy) => {
    const variants = { plain: SMALL, extras: withExtras(strategy) };
    for (const [variant, settings] of Object.entries(variants)) {
      const id = `${strategy.replaceAll(/[@/]/g, "-")}-${variant}`;
      const { messages, acknowledged, rejected, firstRejection } = await trainInto(id, strategy, settings);
      expect({ acknowledged, rejected, firstRejection }).toEqual({ acknowledged: messages, rejected: 0 });
      // Three steps of training, an evaluation, two probes, the end.
      expect(messages).toBe(7);
    }
  },
);

/** The extras that make sense with the strategy, all at once. */
function withExtras(strategy: string): string[] {
  return EXTRAS.reduce<string[]>((settings, extra) => {
    const more = settings.concat(extra);
    return isAccepted(strategy, more) ? more : settings;
  }, SMALL);
}

function isAccepted(strategy: string, settings: string[]): boolean {
  try {
    resolveRecipe({ recipe: "demo", strategy, settings });
    return true;
  } catch (error) {
    if (error instanceof RecipeError) return false;
    throw error;
  }
}

async function trainInto(id: string, strategy: string, settings: string[]) {
  const recipe = resolveRecipe({ recipe: "demo", strategy, steps: 3, settings });
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources: SOURCES });
  const configuration = fitToData(configurationOf(recipe, { sources: SOURCES }), corpus);
  const identity = { id, name: id, codeVersion: "test" };
  const notice = () => {};
  const reporter = new CollectorReporter({
    address: collector.grpc,
    run: { ...describeRun(configuration, corpus, identity), id },
    spoolDirectory: join(directory, "spool"),
    flushMilliseconds: 20_000,
    notice,
  });
  const begun = beginRun({ configuration, corpus, identity, backend, notice });
  const { reporting } = await train({ recipe: configuration, corpus, reporter, ...begun });
  return reporting;
}
