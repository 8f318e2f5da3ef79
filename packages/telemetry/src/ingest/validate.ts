// What a collector accepts of a step, and of the end of a run. Every refusal names the offending value and what is expected.
import { v1 } from "@moescope/proto";
import { checkWholes, firstRefusal, firstRepeated, malformed, type Refusal } from "./refusal.ts";
import { layoutOf } from "./run-layout.ts";
import { checkProbe } from "./validate-probe.ts";
import { checkHistogram } from "./validate-routing.ts";

export function checkStep(message: v1.Step, run: v1.RunDescription): Refusal | undefined {
  const { step, tokens, split, time, histograms } = message;
  const where = `step ${step}:`;
  const unsafe = checkWholes("message:", { step }) ?? checkWholes(where, { tokens });
  if (unsafe !== undefined) return unsafe;
  if (v1.Split[split] === undefined || split === v1.Split.SPLIT_UNSPECIFIED) {
    return malformed(`${where} split ${split}, expected TRAIN, EVAL, PROBE or ROLLOUT`);
  }
  if (!Number.isFinite(time)) return malformed(`${where} time ${time} is not a number of milliseconds`);
  const layer = firstRepeated(histograms, layerOf);
  if (layer !== undefined) return malformed(`${where} layer ${layer} has two histograms, expected one`);
  const layout = layoutOf(run);
  return (
    firstRefusal(histograms, (histogram) => checkHistogram(message, histogram, layout)) ?? checkProbe(message, layout)
  );
}

export function checkEnd(end: v1.RunEnd): Refusal | undefined {
  const known = v1.RunEnd.Outcome[end.outcome] !== undefined && end.outcome !== v1.RunEnd.Outcome.OUTCOME_UNSPECIFIED;
  return known ? undefined : malformed(`outcome ${end.outcome}, expected FINISHED, STOPPED or FAILED`);
}

const layerOf = ({ layer }: v1.RoutingHistogram) => layer;
