// What a collector accepts of a step, and of the end of a run. Every refusal names the offending value and what is expected.
import { LIMITS, v1 } from "@moescope/proto";
import {
  checkCount,
  checkText,
  checkTime,
  checkWholes,
  firstRefusal,
  firstRepeated,
  malformed,
  type Refusal,
} from "./refusal.ts";
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
  const layer = firstRepeated(histograms, layerOf);
  if (layer !== undefined) return malformed(`${where} layer ${layer} has two histograms, expected one`);
  const layout = layoutOf(run);
  return (
    checkTime(where, "time", time) ??
    checkScalars(where, message.scalars) ??
    firstRefusal(histograms, (histogram) => checkHistogram(message, histogram, layout)) ??
    checkProbe(message, layout)
  );
}

function checkScalars(where: string, scalars: readonly v1.Scalar[]): Refusal | undefined {
  return (
    checkCount(where, "scalars", scalars.length, LIMITS.scalars) ??
    firstRefusal(scalars, ({ name }) => checkText(where, "scalar", name, LIMITS.scalarName, 1))
  );
}

export function checkEnd({ outcome, reason, endedAt }: v1.RunEnd): Refusal | undefined {
  const known = v1.RunEnd.Outcome[outcome] !== undefined && outcome !== v1.RunEnd.Outcome.OUTCOME_UNSPECIFIED;
  if (!known) return malformed(`end: outcome ${outcome}, expected FINISHED, STOPPED or FAILED`);
  return checkTime("end:", "ended_at", endedAt) ?? checkText("end:", "reason", reason, LIMITS.reason);
}

const layerOf = ({ layer }: v1.RoutingHistogram) => layer;
