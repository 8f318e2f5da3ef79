// The figures `attention-by-token` and `heads-by-bin`: what attention looks at, from the probes of runs.
import {
  attentionByTokenBars,
  attentionByTokenCsv,
  attentionByTokenModel,
  attentionLayers,
  headsByBinBars,
  headsByBinCsv,
  headsByBinModel,
  renderBarPanels,
  spreadLayers,
} from "@moescope/dashboard/figures";
import type { FigureMaker } from "./figure.ts";
import { modelOf, probedRuns } from "./run-steps.ts";

export const attentionByToken: FigureMaker = async (client, choice) => {
  const probed = await probedRuns(client, choice);
  const layers = choice.layers ?? spreadLayers(attentionLayers(probed[0]!.probe));
  const model = modelOf(() => attentionByTokenModel(probed, layers));
  return { svg: () => renderBarPanels(attentionByTokenBars(model)), csv: () => attentionByTokenCsv(model) };
};

export const headsByBin: FigureMaker = async (client, choice) => {
  const probed = await probedRuns(client, choice);
  const model = modelOf(() => headsByBinModel(probed, choice.bins));
  return { svg: () => renderBarPanels(headsByBinBars(model)), csv: () => headsByBinCsv(model) };
};
