// What a capacity limit and expert-parallel ranks would mean at the step cursor, in words.
import { droplessCapacityFactor, totalLoad } from "@moescope/metrics";
import { type LayerLoads, layerLoads } from "../../data/run-loads.ts";
import { formatPercent, formatRatio } from "../../format/number.ts";
import { joinWords, stepRange } from "../../format/sentence.ts";
import type { Between } from "./between.ts";
import { dropQuestion, type Question, rankQuestion, together } from "./questions.ts";
import type { WhatIfRun } from "./what-if-run.ts";

/** Of more runs each gets a few words instead of a sentence. */
const MOST_SENTENCES = 2;

interface CursorStep {
  who: string;
  layers: { layer: number; loads: LayerLoads; answer: Between }[];
  worst: { layer: number; answer: Between };
  all: Between;
  /** "step 4" */
  steps: string;
  /** Before a number of several steps together, which is a lower bound. */
  bound: string;
}

/** @returns what would be dropped, run by run; empty where no step is at the cursor */
export function dropSentences(runs: readonly WhatIfRun[], factor: number): string {
  return sentences(cursorSteps(runs, dropQuestion(factor)), dropSentence, "Dropped", ({ least }) =>
    formatPercent(least),
  );
}

/** @returns how long ranks would wait, run by run; empty where no step is at the cursor */
export function rankSentences(runs: readonly WhatIfRun[], ranks: number): string {
  const steps = cursorSteps(runs, rankQuestion(ranks));
  if (ranks === 1 && steps.length > 0) return "One rank has all experts and waits for nobody.";
  return sentences(steps, rankSentence, "Time of the experts, balanced being 1", ({ least }) => formatRatio(least));
}

function sentences(
  steps: readonly CursorStep[],
  long: (step: CursorStep) => string,
  what: string,
  value: (all: Between) => string,
): string {
  if (steps.length <= MOST_SENTENCES) return steps.map(long).join(" ");
  return `${what}: ${joinWords(steps.map(({ who, all, steps: at, bound }) => `${bound}${value(all)} in ${who} at ${at}`))}.`;
}

function cursorSteps(runs: readonly WhatIfRun[], question: Question): CursorStep[] {
  return runs.flatMap((run) => cursorStep(run, question) ?? []);
}

function cursorStep({ chosen, atCursor }: WhatIfRun, question: Question): CursorStep | undefined {
  if (atCursor === undefined) return undefined;
  const layers = (chosen.run.moeLayers ?? []).flatMap((layer) => {
    const loads = layerLoads(atCursor, layer);
    return loads === undefined || totalLoad(loads.mean) === 0 ? [] : [{ layer, loads, answer: question(loads) }];
  });
  const all = together(
    layers.map(({ loads }) => loads),
    question,
  );
  if (all === undefined) return undefined;
  const worst = layers.reduce((a, b) => (b.answer.least > a.answer.least ? b : a));
  const { firstStep = 0, lastStep = 0, steps = 1 } = atCursor;
  const bound = steps > 1 ? "at least " : "";
  return { who: chosen.label, layers, worst, all, steps: stepRange(firstStep, lastStep), bound };
}

function dropSentence({ who, layers, worst, all, steps, bound }: CursorStep): string {
  const already = droppedText(layers);
  const enough = formatRatio(Math.max(...layers.map(({ loads }) => droplessCapacityFactor(loads.mean))));
  if (all.most === 0) return `${who} would drop nothing at ${steps}, where ${enough} is enough.${already}`;
  const part = `${who} would drop ${bound}${formatPercent(all.least)} of the assignments of ${steps}`;
  // Of several steps together it is not known what is enough for each.
  const from = bound === "" ? `; from a factor of ${enough} on, none` : "";
  return `${part}, most in layer ${worst.layer} with ${formatPercent(worst.answer.least)}${from}.${already}`;
}

/** Less is not worth a word. */
const LEAST_DROPPED = 0.0005;

/** What the run itself dropped is missing in its counts. */
function droppedText(layers: CursorStep["layers"]): string {
  const dropped = layers.reduce((sum, { loads }) => sum + loads.dropped, 0);
  const share = dropped / (dropped + layers.reduce((sum, { loads }) => sum + totalLoad(loads.mean), 0));
  if (share < LEAST_DROPPED) return "";
  return ` The run itself dropped ${formatPercent(share)} already, which its counts do not have.`;
}

function rankSentence({ who, worst, all, steps, bound }: CursorStep): string {
  const busiest = `the busiest rank of layer ${worst.layer}, the worst, has ${bound}${formatRatio(worst.answer.least)} × the mean load`;
  return `${who}: at ${steps} ${busiest}; over all layers the experts take ${bound}${formatRatio(all.least)} × as long as balanced ones.`;
}
