// A report of one run as data: what is said, and which figures stand in it.
import { createElement, type ReactElement } from "react";
import { markedSummaries } from "../data/run-marks.ts";
import {
  attentionByTokenBars,
  attentionByTokenCsv,
  attentionByTokenModel,
  attentionLayers,
} from "../figures/attention-by-token-model.ts";
import { BarPanelsFigure } from "../figures/bar-panels.tsx";
import { toCsv } from "../figures/csv.ts";
import { headsByBinBars, headsByBinCsv, headsByBinModel } from "../figures/heads-by-bin-model.ts";
import {
  modalityByExpertBars,
  modalityByExpertCsv,
  modalityByExpertModel,
} from "../figures/modality-by-expert-model.ts";
import { modalityShareBars, modalityShareCsv, modalityShareModel } from "../figures/modality-share-model.ts";
import { RelativeLoadFigure } from "../figures/relative-load.tsx";
import { relativeLoadCsv, relativeLoadModel } from "../figures/relative-load-model.ts";
import { addedUp, spreadLayers } from "../figures/run-steps.ts";
import { formatPercent, formatRatio, formatValue } from "../format/number.ts";
import { stepRange } from "../format/sentence.ts";
import { attentionSentence, binsSentence } from "../views/attention/attention-model.ts";
import { affinities, affinitySentence } from "../views/categories/affinity-model.ts";
import { byExpertSentence, shareSentence } from "../views/categories/modality-sentences.ts";
import { overviewRow } from "../views/overview/overview-model.ts";
import { LinesOverSteps } from "./LinesOverSteps.tsx";
import {
  type LinesOverStepsModel,
  layerScalars,
  layersLine,
  linesOverSteps,
  linesOverStepsTable,
  linesSentence,
  maxViolations,
  scalarLine,
} from "./lines-over-steps-model.ts";
import type { ReportChoice, ReportData } from "./report-data.ts";
import { type AlertLine, alertLines, configurationOf, type Fact, factsOf, layerRows } from "./report-facts.ts";

export interface ReportModel {
  name: string;
  /** What people wrote on the run; empty where nobody did. */
  notes: string;
  /** In a word, and why. */
  verdict: string;
  sentence: string;
  facts: Fact[];
  alerts: AlertLine[];
  balance: ReportFigure[];
  /** Rows of the table of layers, and the steps they add up. */
  layers: string[][];
  window: string;
  categories: ReportFigure[];
  attention: ReportFigure[];
  configuration: Fact[];
}

export interface ReportFigure {
  /** Of its file. */
  name: string;
  sentence: string;
  drawing: ReactElement;
  csv: string;
}

/** @param now milliseconds since the Unix epoch: how long a silent run has been silent */
export function reportModel(data: ReportData, choice: ReportChoice, now: number): ReportModel {
  const { training, window, alerts } = data;
  const [summary = data.summary] = markedSummaries([data.summary], {});
  const run = summary.run ?? {};
  const { verdict, sentence } = overviewRow(summary, training.buckets ?? [], now);
  const bucket = addedUp(window);
  return {
    name: run.name || run.id || "",
    verdict,
    sentence,
    notes: data.summary.annotation?.notes ?? "",
    facts: factsOf(summary, data.summary.run?.name),
    alerts: alertLines(alerts),
    balance: balanceFigures(data),
    layers: layerRows(bucket),
    window: bucket === undefined ? "no steps" : stepRange(bucket.firstStep ?? 0, bucket.lastStep ?? 0),
    categories: bucket === undefined ? [] : categoryFigures(data, choice.layers),
    attention: attentionFigures(data, choice.layers),
    configuration: configurationOf(run),
  };
}

function balanceFigures({ training, evaluations }: ReportData): ReportFigure[] {
  const buckets = training.buckets ?? [];
  const width = training.bucketWidth ?? 1;
  const averaged = width > 1 ? ` Each point is ${width} steps.` : "";
  const loss = linesOverSteps(
    [scalarLine("training", buckets, "loss"), scalarLine("validation", evaluations.buckets ?? [], "loss")],
    {
      title: "Loss",
      value: "loss",
      caption: `Loss over the steps; band: its lowest and highest value within a point.${averaged}`,
    },
  );
  const violation = linesOverSteps([layersLine("mean over layers", buckets, maxViolations)], {
    title: "MaxVio while training",
    value: "MaxVio of a step (0 is balanced)",
    floor: 0,
    caption: `MaxVio of the training batch, (max n − mean n) / mean n over the experts of a layer; band: from the lowest to the highest MoE layer.${averaged}`,
  });
  return [
    ...figureOfLines("loss", loss, (model) => linesSentence(model, formatValue)),
    ...figureOfLines("max-violation", violation, (model) => linesSentence(model, formatRatio)),
  ];
}

/** None for lines without numbers. */
function figureOfLines(
  name: string,
  model: LinesOverStepsModel | undefined,
  sentenceOf: (model: LinesOverStepsModel) => string,
): ReportFigure[] {
  if (model === undefined) return [];
  const drawing = createElement(LinesOverSteps, { model });
  return [{ name, sentence: sentenceOf(model), drawing, csv: toCsv(linesOverStepsTable(model)) }];
}

function categoryFigures({ summary, window }: ReportData, wanted: readonly number[] | undefined): ReportFigure[] {
  const run = summary.run ?? {};
  const layers = wanted ?? spreadLayers(run.moeLayers ?? []);
  const source = { run, history: window };
  const relative = relativeLoadModel([source], layers);
  const figures: ReportFigure[] = [
    {
      name: "relative-load",
      sentence: affinitySentence(affinities([{ ...source, label: "this run" }])),
      drawing: createElement(RelativeLoadFigure, { model: relative }),
      csv: relativeLoadCsv(relative),
    },
  ];
  if ((run.categories?.length ?? 0) < 2) return figures;
  const byExpert = modalityByExpertModel(source, layers);
  const share = modalityShareModel(source, layers);
  return [
    ...figures,
    {
      name: "modality-by-expert",
      sentence: byExpertSentence(byExpert),
      drawing: createElement(BarPanelsFigure, { model: modalityByExpertBars(byExpert) }),
      csv: modalityByExpertCsv(byExpert),
    },
    {
      name: "modality-share",
      sentence: shareSentence(share),
      drawing: createElement(BarPanelsFigure, { model: modalityShareBars(share) }),
      csv: modalityShareCsv(share),
    },
  ];
}

/** None of a run that was not probed. */
function attentionFigures(
  { summary, probe, probes }: ReportData,
  wanted: readonly number[] | undefined,
): ReportFigure[] {
  const run = summary.run ?? {};
  const labels = new Map([[run.id ?? "", "this run"]]);
  const figures: ReportFigure[] = [];
  if (probe.attention?.length) {
    const model = attentionByTokenModel([{ run, probe }], wanted ?? spreadLayers(attentionLayers(probe)));
    figures.push({
      name: "attention-by-token",
      sentence: attentionSentence(model, labels),
      drawing: createElement(BarPanelsFigure, { model: attentionByTokenBars(model) }),
      csv: attentionByTokenCsv(model),
    });
  }
  if (probe.heads?.length) {
    const model = headsByBinModel([{ run, probe }]);
    figures.push({
      name: "heads-by-bin",
      sentence: binsSentence(model, labels),
      drawing: createElement(BarPanelsFigure, { model: headsByBinBars(model) }),
      csv: headsByBinCsv(model),
    });
  }
  return [
    ...figures,
    ...figureOfLines("router-probes", routerLines(run.moeLayers ?? [], probes), (model) =>
      linesSentence(model, formatPercent),
    ),
  ];
}

function routerLines(
  layers: readonly number[],
  { buckets = [] }: ReportData["probes"],
): LinesOverStepsModel | undefined {
  const lines = [
    layersLine("changed since the probe before", buckets, layerScalars("router/churn", layers)),
    layersLine("made by the selection bias alone", buckets, layerScalars("router/bias_changed", layers)),
  ];
  return linesOverSteps(lines, {
    title: "What routers chose for the probe batch",
    value: "share of the choices",
    floor: 0,
    caption:
      "Choices for a fixed batch that differ from those of the probe before, and choices that scores alone would not have made: mean over MoE layers; band: from the lowest to the highest layer.",
  });
}
