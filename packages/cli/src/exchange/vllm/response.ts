// What a response of a vLLM server says of the experts that its tokens were routed to.
//
// Format: vllm-project/vllm, docs/features/routed_experts.md at commit e2059013, and vllm/entrypoints/openai/completion/protocol.py,
// vllm/entrypoints/serve/disagg/protocol.py. With `--enable-return-routed-experts` every choice of /v1/completions, /v1/chat/completions
// and /inference/v1/generate has `routed_experts`: base64 of what `numpy.save` writes, [tokens - 1, layers, top-k]. The tokens are those of
// the prompt and the generated ones; the last one that was sampled was never forwarded. The layers are all hidden layers: dense ones, and
// tokens that were not captured, are rows of zeros. Ids are the router's, before any balancing of experts over ranks.
// vLLM 0.21 (docs/training/routed_experts_replay.md at commit 0087e005): nested lists, [tokens, MoE layers, top-k]; the prompt's tokens stand
// apart in `prompt_routed_experts`, once for all choices, and cached tokens are rows of -1.
import { FURTHEST_TIME } from "@moescope/proto";
import { Failure } from "../../failure.ts";
import { isWhole, shown } from "../json-lines.ts";
import { nestedArray, readNpy, type WholeArray } from "./npy.ts";

/** Rows of an array, a row for each token: [tokens, layers, top-k]. */
export interface RoutedTokens {
  category: "prompt" | "generated" | "all";
  array: WholeArray;
  /** First token, and the one after the last. */
  from: number;
  to: number;
}

interface Choice {
  routed_experts?: unknown;
  token_ids?: unknown;
}

/**
 * @returns every token that was forwarded, once; nothing when the server returned no routing
 * @throws Failure when the value is no response, or does not say which tokens its choices share
 */
export function routedTokens(response: unknown, where: string): RoutedTokens[] {
  const { choices, prompt_routed_experts: prompt } = (response ?? {}) as Record<string, unknown>;
  if (!Array.isArray(choices))
    throw new Failure(`${where}: choices is ${shown(choices)}; a response of vLLM has a list there`);
  const routed = choices.flatMap((choice: Choice | null, index) => {
    const array = arrayOf(choice?.routed_experts, `${where}, choices[${index}].routed_experts`);
    return array ? [{ array, generated: Array.isArray(choice!.token_ids) ? choice!.token_ids.length : undefined }] : [];
  });
  const shared = arrayOf(prompt, `${where}, prompt_routed_experts`);
  if (shared !== undefined) {
    const generated = routed.map(({ array }) => rows("generated", array, 0));
    return [rows("prompt", shared, 0), ...generated];
  }
  if (routed.length === 0) return [];
  const inPrompt = promptRows(routed, usageOf(response), where);
  if (inPrompt === undefined) return [rows("all", routed[0]!.array, 0)];
  const [first] = routed;
  return [
    { category: "prompt", array: first!.array, from: 0, to: inPrompt },
    ...routed.map(({ array }) => rows("generated", array, inPrompt)),
  ];
}

/** Milliseconds since the Unix epoch, as responses of OpenAI's API say it in `created`; undefined for those that do not. */
export function createdAt(response: unknown): number | undefined {
  const { created } = (response ?? {}) as Record<string, unknown>;
  return isWhole(created, 1) && 1000 * created <= FURTHEST_TIME ? 1000 * created : undefined;
}

function rows(category: RoutedTokens["category"], array: WholeArray, from: number): RoutedTokens {
  return { category, array, from, to: array.shape[0]! };
}

function arrayOf(value: unknown, where: string): WholeArray | undefined {
  if (value === undefined || value === null) return undefined;
  const array = typeof value === "string" ? readNpy(Buffer.from(value, "base64"), where) : nestedArray(value, where);
  const isEmpty = array.shape[0] === 0;
  if (isEmpty) return undefined;
  if (array.shape.length === 3) return array;
  throw new Failure(`${where} has the shape ${array.shape.join(" × ")}; allowed is tokens × layers × top-k`);
}

interface Usage {
  /** Of all choices together. */
  completion_tokens?: unknown;
}

function usageOf(response: unknown): Usage {
  return ((response as { usage?: Usage | null }).usage ?? {}) as Usage;
}

/**
 * Rows of the prompt, with which every choice begins: rows = prompt + generated - 1. Fewer than the prompt has tokens, where the request
 * left out some (`routed_experts_prompt_start`).
 *
 * @returns undefined for a single choice whose length is not said
 */
function promptRows(
  choices: readonly { array: WholeArray; generated: number | undefined }[],
  { completion_tokens: completion }: Usage,
  where: string,
): number | undefined {
  const lengths = choices.map(({ generated }) => generated);
  const generated = lengths.every((length) => length !== undefined)
    ? lengths.reduce<number>((sum, length) => sum + length!, 0)
    : completion;
  if (!isWhole(generated)) {
    if (choices.length === 1) return undefined;
    throw new Failure(
      `${where}: several choices share a prompt, but neither token_ids nor usage.completion_tokens says how long it is`,
    );
  }
  const all = choices.reduce((sum, { array }) => sum + array.shape[0]!, 0);
  const prompt = (all - generated + choices.length) / choices.length;
  if (isWhole(prompt) && choices.every(({ array }) => prompt <= array.shape[0]!)) return prompt;
  throw new Failure(
    `${where}: ${all} rows of ${choices.length} choices with ${generated} generated tokens do not fit together: rows are the prompt's tokens and the generated ones but the last`,
  );
}
