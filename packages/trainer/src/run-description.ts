// What a run tells the collector about itself.
import { METRICS_VERSION } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Corpus } from "./data/corpus.ts";
import { moeLayersOf } from "./model/transformer.ts";
import type { RunConfiguration } from "./run-configuration.ts";

export interface RunIdentity {
  /** Unique among all runs of a store. */
  id: string;
  name: string;
  tags?: string[];
  codeVersion: string;
  /** When its first attempt was started, in milliseconds since the Unix epoch; now when absent. */
  startedAt?: number;
}

export function describeRun(
  configuration: RunConfiguration,
  corpus: Corpus,
  { id, name, tags = [], codeVersion, startedAt = Date.now() }: RunIdentity,
): v1.RunDescription.$Properties {
  const { recipe, model, data, steps, seed, balancing, parent } = configuration;
  return {
    id,
    name,
    configJson: JSON.stringify(configuration),
    recipe,
    strategy: balancing.strategy,
    seed,
    moeLayers: moeLayersOf(model),
    experts: model.experts,
    topK: model.topK,
    categories: corpus.categories,
    ranks: 1,
    codeVersion,
    metricsVersion: METRICS_VERSION,
    tags,
    startedAt,
    plannedSteps: steps,
    tokensPerStep: data.batch * data.sequence,
    ...(parent && { parent: parent.run }),
  };
}
