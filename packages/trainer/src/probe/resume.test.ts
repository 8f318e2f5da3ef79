import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { temporaryFolder } from "../checkpoint/checkpoint.fixture.ts";
import { openCorpus } from "../data/corpus.ts";
import { configurationOf } from "../recipe/run-configuration.ts";
import { openBackend } from "../runtime/backends.ts";
import { beginRun } from "../training/begin-run.ts";
import { tinyRecipe } from "../training/tiny-run.fixture.ts";
import { train } from "../training/train.ts";
import { Recorder } from "./recorder.fixture.ts";

const { name: backend } = await openBackend();

test("a resumed run sends the probes that it would have sent without a break", async () => {
  const recipe = tinyRecipe({ strategy: "loss-free-bias", steps: 12, settings: ["probe.every=3"] });
  const configuration = configurationOf(recipe, {});
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources: [{ category: "maths" }] });
  const identity = { id: "probed", name: "probed", codeVersion: "test" };
  const folder = temporaryFolder();

  /** Trains to the end, or until so many steps are done. */
  const attempt = async (stopAfter?: number, resume?: string) => {
    const checkpoints = stopAfter !== undefined || resume !== undefined ? { folder, every: 100, kept: 1 } : undefined;
    const beginning = { configuration, corpus, identity, backend, checkpoints, resume, notice: () => {} };
    const reporter = new Recorder();
    const stop = new AbortController();
    const result = await train({
      ...{ recipe, corpus, reporter, signal: stop.signal },
      ...beginRun(beginning),
      onStep: ({ step }) => {
        if (step + 1 === stopAfter) stop.abort("test");
      },
    });
    const probes = reporter.reports
      .filter(({ split }) => split === v1.Split.PROBE)
      .map(({ time: _, ...report }) => report);
    return { probes, checkpoint: result.checkpoint };
  };

  const straight = await attempt();
  const first = await attempt(7);
  const second = await attempt(undefined, first.checkpoint!);
  expect(first.probes.map(({ step }) => step)).toEqual([2, 5]);
  expect(second.probes.map(({ step }) => step)).toEqual([8, 11]);
  expect([...first.probes, ...second.probes]).toEqual(straight.probes);
  expect(second.probes[1]!.saturation![0]!.earlierStep).toEqual([2, 5, 8]);
});
