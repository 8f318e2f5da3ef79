// The measures of one finished run, from what is stored of it.
import { type Client, layerBalance } from "@moescope/dashboard/api";
import { meanJensenShannonDivergence, mutualInformation, quantile, sampleOf } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import type { StoredRun } from "../reading/find-run.ts";
import { balancedBelow, lastShare, type RunMeasures, smoothedOver } from "./measures.ts";
import {
  deviationFromLine,
  lastOf,
  meanOverLayers,
  readStepSeries,
  type StepSeries,
  stepsUntilBelow,
} from "./step-series.ts";

export interface MeasuredRun {
  measures: RunMeasures;
  /** MaxVio of every step, mean over layers. */
  maxViolation: number[];
}

/** @throws Failure when steps or the evaluation after the last step are not stored */
export async function measureRun(client: Client, summary: StoredRun): Promise<MeasuredRun> {
  const { run, lastStep, validationLoss, validationMaxViolation } = summary;
  const series = await readStepSeries(client, summary);
  const atLastStep = { run: run.id, from: lastStep, to: lastStep, points: 1, layers: "all" } as const;
  const [training] = (await client.history(atLastStep)).buckets;
  const [evaluation] = (await client.history({ ...atLastStep, split: "eval" })).buckets;
  if (!evaluation) throw new Failure(`Run ${run.id}: no evaluation after step ${lastStep} is stored`);
  const maxViolation = meanOverLayers(series);
  const measures: RunMeasures = {
    validationLoss,
    maxViolationGlobal: validationMaxViolation,
    ...inTraining(series, maxViolation),
    ...inValidation(evaluation.layers),
    biasRange: mean((training?.layers ?? []).map(({ selectionBias }) => rangeOf(selectionBias))),
  };
  return { measures, maxViolation };
}

function inTraining({ maxViolationOfLayers, dropped, tokensPerSecond }: StepSeries, maxViolation: readonly number[]) {
  return {
    maxViolationBatch: mean(lastOf(maxViolation, lastShare)),
    dropped: dropped.reduce((sum, count) => sum + count, 0),
    stepsToBalance: stepsUntilBelow(maxViolation, balancedBelow, smoothedOver),
    waver: mean(maxViolationOfLayers.map((layer) => deviationFromLine(lastOf(layer, lastShare)))),
    tokensPerSecond: quantile(tokensPerSecond, 0.5),
  };
}

function inValidation(layers: readonly v1.LayerSummary[]) {
  const counts = layers.map(({ categories }) => categories.map((load) => load.counts));
  return {
    deadExperts: layers.reduce((sum, layer) => sum + layerBalance(layer).deadExperts.length, 0),
    mutualInformation: mean(counts.map((layer) => mutualInformation(layer))),
    divergence: mean(counts.map((layer) => meanJensenShannonDivergence(layer))),
  };
}

/** Over what there is: a strategy without a bias has none in any layer. */
function mean(values: readonly number[]): number {
  return sampleOf(values).mean;
}

function rangeOf(bias: readonly number[]): number {
  return bias.length === 0 ? Number.NaN : Math.max(...bias) - Math.min(...bias);
}
