// What a collector accepts of a run's description, and of what people had written on it.
import { LIMITS, layersOf, v1 } from "@moescope/proto";
import { type Contradiction, describeLayersTwice } from "../store/runs/merge-descriptions.ts";
import {
  checkCount,
  checkText,
  checkTime,
  checkWholes,
  firstRefusal,
  firstRepeated,
  listed,
  malformed,
  quoted,
  type Refusal,
} from "./refusal.ts";

const RUN_ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${LIMITS.runId.most - 1}}$`);

/** Whether a run can be described like this. */
export function checkDescription(run: v1.RunDescription, rank: number): Refusal | undefined {
  if (!RUN_ID.test(run.id)) {
    return malformed(
      `run id ${quoted(run.id)}: expected 1 to ${LIMITS.runId.most} letters, digits, ".", "_" and "-", of which the first is a letter or digit`,
    );
  }
  const where = `run ${run.id}:`;
  const { plannedSteps, tokensPerStep, startedAt } = run;
  return (
    checkRank(where, rank, run.ranks) ??
    checkWholes(where, { planned_steps: plannedSteps, tokens_per_step: tokensPerStep }) ??
    checkTime(where, "started_at", startedAt) ??
    checkTexts(where, run) ??
    checkCategories(where, run.categories) ??
    checkLayers(where, run)
  );
}

function checkRank(where: string, rank: number, ranks: number): Refusal | undefined {
  const { most } = LIMITS.ranks;
  if (ranks < 1 || ranks > most) return malformed(`${where} ranks ${ranks}, expected 1 to ${most}`);
  if (rank < ranks) return undefined;
  return malformed(`${where} rank ${rank} of ${ranks} ranks, expected one from 0 to ${ranks - 1}`);
}

function checkTexts(where: string, run: v1.RunDescription): Refusal | undefined {
  return (
    checkText(where, "name", run.name, LIMITS.name) ??
    checkText(where, "recipe", run.recipe, LIMITS.text) ??
    checkText(where, "strategy", run.strategy, LIMITS.text) ??
    checkText(where, "code_version", run.codeVersion, LIMITS.text) ??
    checkText(where, "parent", run.parent, LIMITS.text) ??
    checkText(where, "config_json", run.configJson, LIMITS.configJson) ??
    checkCount(where, "tags", run.tags.length, LIMITS.tags) ??
    firstRefusal(run.tags, (tag) => checkText(where, "tag", tag, LIMITS.tag))
  );
}

function checkCategories(where: string, names: readonly string[]): Refusal | undefined {
  const wrong =
    checkCount(where, "categories", names.length, LIMITS.categories) ??
    firstRefusal(names, (name) => checkText(where, "category", name, LIMITS.categoryName, 1));
  if (wrong !== undefined) return wrong;
  const twice = firstRepeated(names, (name) => name);
  return twice === undefined ? undefined : malformed(`${where} category ${quoted(twice)} twice, expected once`);
}

function checkLayers(where: string, run: v1.RunDescription): Refusal | undefined {
  const inFull = run.layers.length > 0;
  const tooMany = checkCount(where, "MoE layers", Math.max(run.layers.length, run.moeLayers.length), LIMITS.layers);
  if (tooMany !== undefined) return tooMany;
  const layers = inFull ? run.layers : layersOf(run);
  if (layers.length > 0 && run.categories.length === 0) {
    return malformed(`${where} categories is empty, expected at least one name`);
  }
  if (layers.some(({ index }, place) => place > 0 && index <= layers[place - 1]!.index)) {
    const indices = listed(layers.map(({ index }) => index));
    return malformed(`${where} ${inFull ? "layers" : "moe_layers"} ${indices} must ascend`);
  }
  return (
    (inFull
      ? firstRefusal(layers, (layer) => checkLayer(`${where} layer ${layer.index}:`, layer, 0))
      : firstRefusal(layers.slice(0, 1), (layer) => checkLayer(where, layer, 1))) ??
    checkAllExperts(where, layers) ??
    (inFull ? checkSaidTwice(where, run) : undefined)
  );
}

/** @param leastTopK 0 where that says that it varies by token; protocol 1 has no such layers */
function checkLayer(
  where: string,
  { experts, topK, identityExperts, group }: v1.MoeLayer,
  leastTopK: number,
): Refusal | undefined {
  if (experts < 1 || experts > LIMITS.experts.most) {
    return malformed(`${where} experts ${experts}, expected 1 to ${LIMITS.experts.most}`);
  }
  if (topK < leastTopK || topK > experts) {
    return malformed(`${where} top_k ${topK}, expected ${leastTopK} to ${experts}, the number of experts`);
  }
  if (identityExperts >= experts) {
    return malformed(`${where} identity_experts ${identityExperts}, expected fewer than its ${experts} experts`);
  }
  return checkText(where, "group", group, LIMITS.group);
}

/** What is said in the fields of protocol 1 as well must be what a collector would fill in. */
function checkSaidTwice(where: string, run: v1.RunDescription): Refusal | undefined {
  const { moeLayers, experts, topK } = describeLayersTwice(new v1.RunDescription({ layers: run.layers }));
  if (run.moeLayers.length > 0 && String(run.moeLayers) !== String(moeLayers)) {
    return malformed(`${where} moe_layers ${listed(run.moeLayers)}, but layers has ${listed(moeLayers)}`);
  }
  for (const [name, said, most] of [
    ["experts", run.experts, experts],
    ["top_k", run.topK, topK],
  ] as const) {
    if (said !== 0 && said !== most) return malformed(`${where} ${name} ${said}, but the most of layers is ${most}`);
  }
  return undefined;
}

function checkAllExperts(where: string, layers: readonly v1.MoeLayer[]): Refusal | undefined {
  const experts = layers.reduce((sum, layer) => sum + layer.experts, 0);
  return checkCount(where, "experts in all layers together", experts, LIMITS.allExperts);
}

/** Whether people may have written this on a run. */
export function checkAnnotation({ name, tags, notes }: v1.Annotation): Refusal | undefined {
  const where = "annotation:";
  return (
    checkText(where, "name", name, LIMITS.annotationName) ??
    checkCount(where, "tags", tags.length, LIMITS.annotationTags) ??
    firstRefusal(tags, (tag) => checkText(where, "tag", tag, LIMITS.annotationTag, 1)) ??
    checkText(where, "notes", notes, LIMITS.annotationNotes)
  );
}

/** Why a description cannot be of the run that it names. */
export function contradicted(run: string, { what, known, sent }: Contradiction): Refusal {
  const [now, before] = [sent, known].map((value) => (typeof value === "string" ? quoted(value) : String(value)));
  return {
    reason: v1.Rejection.Reason.DESCRIPTION_CONFLICT,
    message: `run ${run}: ${what} ${now}, but it was described before with ${before}; a different run needs a different id`,
  };
}
