// What a collector accepts of a run's description, and of what people had written on it.
import { layersOf, v1 } from "@moescope/proto";
import { ANNOTATION_LIMITS } from "../store/runs/annotation-table.ts";
import { checkWholes, firstRefusal, listed, malformed, quoted, type Refusal } from "./refusal.ts";

const { Reason } = v1.Rejection;
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_EXPERTS = 65_536;

/** Whether a run can be described like this. */
export function checkDescription(run: v1.RunDescription, rank: number): Refusal | undefined {
  if (!RUN_ID.test(run.id)) {
    return malformed(
      `run id ${quoted(run.id)}: expected 1 to 128 letters, digits, ".", "_" and "-", of which the first is a letter or digit`,
    );
  }
  const where = `run ${run.id}:`;
  const { ranks, plannedSteps, tokensPerStep } = run;
  if (ranks < 1 || rank >= ranks) {
    return malformed(`${where} rank ${rank} of ${ranks} ranks, expected one from 0 to ${ranks - 1}`);
  }
  return checkWholes(where, { planned_steps: plannedSteps, tokens_per_step: tokensPerStep }) ?? checkLayers(where, run);
}

function checkLayers(where: string, run: v1.RunDescription): Refusal | undefined {
  const layers = run.layers.length > 0 ? run.layers : layersOf(run);
  if (layers.length > 0 && run.categories.length === 0) {
    return malformed(`${where} categories is empty, expected at least one name`);
  }
  const field = run.layers.length > 0 ? "layers" : "moe_layers";
  if (layers.some(({ index }, place) => place > 0 && index <= layers[place - 1]!.index)) {
    return malformed(`${where} ${field} ${listed(layers.map(({ index }) => index))} must ascend`);
  }
  return run.layers.length > 0
    ? firstRefusal(run.layers, (layer) => checkLayer(`${where} layer ${layer.index}:`, layer, 0))
    : firstRefusal(layers.slice(0, 1), (layer) => checkLayer(where, layer, 1));
}

/** @param leastTopK 0 where that says that it varies by token; protocol 1 has no such layers */
function checkLayer(
  where: string,
  { experts, topK, identityExperts }: v1.MoeLayer,
  leastTopK: number,
): Refusal | undefined {
  if (experts < 1 || experts > MAX_EXPERTS) {
    return malformed(`${where} experts ${experts}, expected 1 to ${MAX_EXPERTS}`);
  }
  if (topK < leastTopK || topK > experts) {
    return malformed(`${where} top_k ${topK}, expected ${leastTopK} to ${experts}, the number of experts`);
  }
  if (identityExperts < experts) return undefined;
  return malformed(`${where} identity_experts ${identityExperts}, expected fewer than its ${experts} experts`);
}

/** Whether people may have written this on a run. */
export function checkAnnotation({ name, tags, notes }: v1.Annotation): Refusal | undefined {
  const most = ANNOTATION_LIMITS;
  if (name.length > most.name) {
    return malformed(`annotation: a name of ${name.length} characters, expected at most ${most.name}`);
  }
  if (tags.length > most.tags) return malformed(`annotation: ${tags.length} tags, expected at most ${most.tags}`);
  const tag = tags.find(({ length }) => length === 0 || length > most.tag);
  if (tag !== undefined) return malformed(`annotation: tag ${quoted(tag)}, expected 1 to ${most.tag} characters`);
  if (notes.length <= most.notes) return undefined;
  return malformed(`annotation: notes of ${notes.length} characters, expected at most ${most.notes}`);
}

/** Whether a description sent again tells of the same run: another attempt may change everything but these. */
export function checkSameRun(known: v1.RunDescription, sent: v1.RunDescription): Refusal | undefined {
  const fixed = [
    "recipe",
    "strategy",
    "seed",
    "moeLayers",
    "experts",
    "topK",
    "layers",
    "categories",
    "ranks",
  ] as const;
  const changed = fixed.find((field) => JSON.stringify(known[field]) !== JSON.stringify(sent[field]));
  if (changed === undefined) return undefined;
  return {
    reason: Reason.DESCRIPTION_CONFLICT,
    message: `run ${known.id}: ${changed} ${JSON.stringify(sent[changed])}, but it was described before with ${JSON.stringify(known[changed])}; a different run needs a different id`,
  };
}
