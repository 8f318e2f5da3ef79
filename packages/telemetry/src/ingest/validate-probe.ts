// What a collector accepts of a probe: shares and scores from 0 to 1, each layer and head once.
import { LIMITS, type v1 } from "@moescope/proto";
import {
  checkCount,
  checkText,
  checkWholes,
  firstRefusal,
  firstRepeated,
  malformed,
  quoted,
  type Refusal,
} from "./refusal.ts";
import type { RunLayout } from "./run-layout.ts";
import { unknownLayer } from "./validate-routing.ts";

/** Sums of 32-bit numbers are off by this much. */
const ROUNDING = 1e-3;
const ALL_HEADS = -1;

/** Whether a step's attention, heads and saturation can be stored. */
export function checkProbe(step: v1.Step, { layers }: RunLayout): Refusal | undefined {
  const where = `step ${step.step}:`;
  return (
    checkCount(where, "attention entries", step.attention.length, LIMITS.attention) ??
    checkCount(where, "heads", step.heads.length, LIMITS.heads) ??
    onceEach(step, "attention", step.attention) ??
    onceEach(step, "heads", step.heads) ??
    firstRefusal(step.attention, (attention) => checkAttention(step, attention)) ??
    firstRefusal(step.heads, (profile) => checkProfile(step, profile)) ??
    checkSaturation(step, layers)
  );
}

function onceEach(
  { step }: v1.Step,
  what: string,
  items: readonly { layer: number; head: number }[],
): Refusal | undefined {
  const repeated = firstRepeated(items, ({ layer, head }) => `layer ${layer}, head ${head}`);
  return repeated === undefined ? undefined : malformed(`step ${step}: ${what} of ${repeated} twice, expected once`);
}

function checkAttention(step: v1.Step, { layer, head, tokenClass, share }: v1.AttentionByToken): Refusal | undefined {
  const where = `step ${step.step}, attention of layer ${layer}, head ${head}`;
  if (head < ALL_HEADS) return malformed(`${where}: expected heads from 0, or ${ALL_HEADS} for the mean of all`);
  if (tokenClass.length !== share.length) {
    return malformed(`${where}: ${share.length} shares for ${tokenClass.length} token classes, expected one for each`);
  }
  const wrong = checkClasses(`${where}:`, tokenClass);
  if (wrong !== undefined) return wrong;
  const sum = share.reduce((total, value) => total + value, 0);
  if (!(sum <= 1 + ROUNDING)) return malformed(`${where}: shares add up to ${sum}, expected 1 at most`);
  return firstRefusal(share, (value) => checkShare(where, "share", value));
}

function checkClasses(where: string, names: readonly string[]): Refusal | undefined {
  const wrong =
    checkCount(where, "token classes", names.length, LIMITS.tokenClasses) ??
    firstRefusal(names, (name) => checkText(where, "token class", name, LIMITS.tokenClassName, 1));
  if (wrong !== undefined) return wrong;
  const twice = firstRepeated(names, (name) => name);
  return twice === undefined ? undefined : malformed(`${where} token class ${quoted(twice)} twice, expected once`);
}

const SCORES = ["previousToken", "firstToken", "induction", "local", "broad"] as const;

function checkProfile(step: v1.Step, profile: v1.HeadProfile): Refusal | undefined {
  const where = `step ${step.step}, layer ${profile.layer}, head ${profile.head}`;
  return firstRefusal(SCORES, (name) => checkShare(where, name, profile[name]));
}

function checkSaturation({ step, saturation }: v1.Step, layers: RunLayout["layers"]): Refusal | undefined {
  const twice = firstRepeated(saturation, ({ layer }) => layer);
  if (twice !== undefined) return malformed(`step ${step}: saturation of layer ${twice} twice, expected once`);
  return firstRefusal(saturation, ({ layer, earlierStep, share }) => {
    const where = `step ${step}, saturation of layer ${layer}`;
    if (!layers.has(layer)) return unknownLayer(where, layers);
    if (earlierStep.length !== share.length) {
      return malformed(
        `${where}: ${share.length} shares for ${earlierStep.length} earlier steps, expected one for each`,
      );
    }
    const tooMany = checkCount(`${where}:`, "earlier steps", earlierStep.length, LIMITS.earlierSteps);
    if (tooMany !== undefined) return tooMany;
    const wrong = earlierStep.find((earlier, index) => earlier >= step || earlier <= (earlierStep[index - 1] ?? -1));
    if (wrong !== undefined) {
      const unordered = malformed(`${where}: earlier step ${wrong}, expected ascending steps below ${step}`);
      return checkWholes(`${where}:`, { earlier_step: wrong }) ?? unordered;
    }
    return firstRefusal(share, (value) => checkShare(where, "share", value));
  });
}

function checkShare(where: string, what: string, value: number): Refusal | undefined {
  if (value >= -ROUNDING && value <= 1 + ROUNDING) return undefined;
  return malformed(`${where}: ${what} is ${value}, expected a number from 0 to 1`);
}
