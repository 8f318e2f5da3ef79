import { v1 } from "@moescope/proto";
import { configurationOf, type RunConfiguration, resolveRecipe } from "@moescope/trainer";
import { expect, it } from "vitest";
import type { StoredRun } from "../reading/find-run.ts";
import { finishedTwin, stoppedTwin } from "./stored-twin.ts";

const { FINISHED, STOPPED, FAILED } = v1.RunSummary.State;

function configuration(seed: number, change: Partial<RunConfiguration> = {}): RunConfiguration {
  return { ...configurationOf(resolveRecipe({ recipe: "quick", strategy: "none", seed }), {}), ...change };
}

function stored(id: string, state: v1.RunSummary.State, config: object, more: object = {}): StoredRun {
  const run = { id, configJson: JSON.stringify(config), ...more };
  const { steps } = configuration(0);
  return v1.RunSummary.fromObject({ run, state, steps, lastStep: steps - 1, ...more }) as StoredRun;
}

it("finds the newest finished run of the same configuration", () => {
  const runs = [
    stored("failed", FAILED, configuration(0)),
    stored("other-seed", FINISHED, configuration(1)),
    stored("newest", FINISHED, configuration(0)),
    stored("older", FINISHED, configuration(0)),
  ];
  runs.unshift(stored("cut short", FINISHED, configuration(0), { lastStep: 3 }));
  runs.unshift(stored("with gaps", FINISHED, configuration(0), { steps: 3 }));
  expect(finishedTwin(runs, configuration(0))?.run.id).toBe("newest");
  expect(finishedTwin(runs, configuration(2))).toBeUndefined();
});

it("takes no run on other data, from other start values, or of another program", () => {
  const wanted = configuration(0);
  const runs = [
    stored("other-data", FINISHED, configuration(0, { sources: [{ category: "maths" }] })),
    stored("fine-tuned", FINISHED, configuration(0), { parent: "other" }),
    stored("foreign", FINISHED, { learning_rate: 0.1 }),
  ];
  expect(finishedTwin(runs, wanted)).toBeUndefined();
});

it("leaves it to the data how large the vocabulary is", () => {
  const wanted = configuration(0, { tokenizer: "tokenizer.json" });
  const trained = { ...wanted, model: { ...wanted.model, vocabulary: 32000 } };
  expect(finishedTwin([stored("run", FINISHED, trained)], wanted)?.run.id).toBe("run");
});

it("finds a run that was stopped, and none that finished or failed", () => {
  const runs = [stored("failed", FAILED, configuration(0)), stored("stopped", STOPPED, configuration(0))];
  expect(stoppedTwin(runs, configuration(0))?.run.id).toBe("stopped");
  expect(stoppedTwin(runs.slice(0, 1), configuration(0))).toBeUndefined();
});
