// What the step of a scalar counts. Trainers write a metric a second time over the samples or tokens seen, with these as its step: shown over
// steps, 100 updates would look like 200.
import type { Attempt } from "./scalar-log.ts";

/**
 * Names in use: "lm loss vs samples", "… vs tokens", "… vs gigaflos" (Megatron-LM, Megatron-DeepSpeed), "steps-vs-samples/y=steps,x=samples"
 * (Megatron-DeepSpeed), "Train/Samples/train_loss" (DeepSpeed, deepspeed/runtime/engine.py).
 */
const NAMES = [/\bvs[ _-]([a-z]+)$/i, /\bx=([a-z]+)$/i, /^train\/(samples|tokens)\//i];
const OF_STEPS = /^(steps?|iterations?|iters?|updates?)$/i;

/** Points of two tags that are so few may have such steps by accident. */
const ENOUGH_POINTS = 3;

/** By tag what its steps count, in the plural: of tags over steps there is none. */
export function otherAxes(attempts: readonly Attempt[]): Map<string, string> {
  const tags = pointsByTag(attempts);
  const axes = new Map<string, string>();
  for (const tag of tags.keys()) {
    const counted = NAMES.map((name) => name.exec(tag)?.[1]).find((found) => found !== undefined);
    if (counted !== undefined && !OF_STEPS.test(counted)) axes.set(tag, counted.toLowerCase());
  }
  const rest = [...tags].filter(([tag]) => !axes.has(tag));
  const multiples = rest.filter(([, points]) => rest.some(([, others]) => isMultiple(points, others)));
  const multiple = new Set(multiples.map(([tag]) => tag));
  const steps = new Set(rest.flatMap(([tag, points]) => (multiple.has(tag) ? [] : points.map(({ step }) => step))));
  for (const [tag, points] of multiples) {
    // Where others have these steps too, it is the one it is a multiple of that counts something else: epochs.
    if (points.some(({ step }) => !steps.has(step))) axes.set(tag, "samples or tokens");
  }
  return axes;
}

interface Point {
  step: number;
  time: number;
}

function pointsByTag(attempts: readonly Attempt[]): Map<string, Point[]> {
  const tags = new Map<string, Point[]>();
  for (const attempt of attempts) {
    for (const [step, { time, scalars }] of attempt) {
      for (const tag of scalars.keys()) {
        const points = tags.get(tag) ?? [];
        points.push({ step, time });
        tags.set(tag, points);
      }
    }
  }
  return tags;
}

/** Whether each point was written together with one of the others, its step being the same multiple of the other's. */
function isMultiple(points: readonly Point[], others: readonly Point[]): boolean {
  if (points.length !== others.length || points.length < ENOUGH_POINTS) return false;
  const last = points.length - 1;
  const factor = points[last]!.step / others[last]!.step;
  if (!Number.isInteger(factor) || factor <= 1) return false;
  const together = smallestGap(others) / 2;
  return points.every(({ step, time }, place) => {
    return step === factor * others[place]!.step && Math.abs(time - others[place]!.time) <= together;
  });
}

function smallestGap(points: readonly Point[]): number {
  return points
    .slice(1)
    .reduce((least, { time }, place) => Math.min(least, Math.abs(time - points[place]!.time)), Infinity);
}
