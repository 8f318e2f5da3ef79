// The first 100 steps of one fixed run: a change that moves them changes what every user's runs do.
import { readFileSync, writeFileSync } from "node:fs";
import { sumHistograms } from "@moescope/metrics";
import { expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { trainBriefly } from "./tiny-run.fixture.ts";

const file = new URL("../../golden/history.json", import.meta.url);

/** Written by `MOESCOPE_UPDATE_GOLDEN=1 npx vitest run src/training/golden-history.test.ts`. */
interface GoldenHistory {
  loss: number[];
  gradientNorm: number[];
  /** Loads of each layer at step 0, and added up over the last 50 steps. */
  firstLoads: number[][];
  lateLoads: number[][];
}

await openBackend();

test("100 steps of loss-free balancing on generated mathematics repeat the stored history", async () => {
  const { steps } = await trainBriefly({ strategy: "loss-free-bias", steps: 100 });
  const loads = (step: number) => steps[step]!.histograms.map(({ categories }) => categories![0]!.counts!);
  const late = steps.slice(50).map((_, i) => loads(50 + i));
  const history: GoldenHistory = {
    loss: steps.map(({ loss }) => loss),
    gradientNorm: steps.map(({ gradientNorm }) => gradientNorm),
    firstLoads: loads(0),
    lateLoads: loads(0).map((_, layer) => [...sumHistograms(late.map((step) => step[layer]!))]),
  };
  if (process.env.MOESCOPE_UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(history, null, 1)}\n`);
  const golden = JSON.parse(readFileSync(file, "utf8")) as GoldenHistory;

  expect(history.firstLoads).toEqual(golden.firstLoads);
  // Backends round differently; from the first token whose choice flips, histories drift apart slowly.
  golden.loss.forEach((loss, step) => {
    expect(Math.abs(history.loss[step]! - loss), `loss at step ${step}`).toBeLessThan(step < 30 ? 2e-3 : 2e-2);
  });
  golden.lateLoads.forEach((layer, i) => {
    const moved = layer.reduce((sum, n, expert) => sum + Math.abs(n - history.lateLoads[i]![expert]!), 0);
    expect(moved / layer.reduce((sum, n) => sum + n, 0)).toBeLessThan(0.05);
  });
});
