// The figures `modality-by-expert` and `modality-share`: which experts the categories of one run's tokens go to.
import {
  modalityByExpertBars,
  modalityByExpertCsv,
  modalityByExpertModel,
  modalityShareBars,
  modalityShareCsv,
  modalityShareModel,
  renderBarPanels,
  spreadLayers,
} from "@moescope/dashboard/figures";
import type { FigureMaker } from "./figure.ts";
import { onlyRun, runSteps } from "./run-steps.ts";

export const modalityByExpert: FigureMaker = async (client, { runs, layers, ...steps }) => {
  const stored = onlyRun("modality-by-expert", runs);
  const chosen = layers ?? spreadLayers(stored.run.moeLayers);
  const model = modalityByExpertModel(await runSteps(client, stored, chosen, steps), chosen);
  return { svg: () => renderBarPanels(modalityByExpertBars(model)), csv: () => modalityByExpertCsv(model) };
};

export const modalityShare: FigureMaker = async (client, { runs, layers, ...steps }) => {
  const stored = onlyRun("modality-share", runs);
  const chosen = layers ?? spreadLayers(stored.run.moeLayers);
  const model = modalityShareModel(await runSteps(client, stored, chosen, steps), chosen);
  return { svg: () => renderBarPanels(modalityShareBars(model)), csv: () => modalityShareCsv(model) };
};
