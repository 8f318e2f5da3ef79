// What a run tells the collector about itself.
import { METRICS_VERSION } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { definitionOf } from "../balancing/combination.ts";
import type { Corpus } from "../data/corpus.ts";
import { moeLayersOf } from "../model/transformer.ts";
import type { Recipe } from "./recipe.ts";
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
  const layers = describeLayers(configuration);
  return {
    id,
    name,
    configJson: JSON.stringify(configuration),
    recipe,
    strategy: balancing.strategy,
    seed,
    // Protocol 1; `layers` has the same, layer by layer.
    moeLayers: moeLayersOf(model),
    experts: model.experts,
    topK: Math.max(...layers.map(({ topK }) => topK)),
    layers,
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

/**
 * The MoE layers of a run, all of one size. A token's K choices include identity experts, and experts that choose take K × tokens of a batch
 * between them. Top-k is 0 where it varies by token.
 */
export function describeLayers({ model, balancing }: Recipe): v1.MoeLayer[] {
  const { experts, identityExperts } = model;
  const definition = definitionOf(balancing.strategy);
  return moeLayersOf(model).map((index, moeLayer) => {
    const { expertsChoose = false, topKVaries } = definition.ofLayer?.(moeLayer) ?? definition;
    return new v1.MoeLayer({ index, experts, topK: topKVaries ? 0 : model.topK, identityExperts, expertsChoose });
  });
}
