// The figure `relative-load`: what share of each category's tokens every expert got, one panel for each run and layer.
import { relativeLoadCsv, relativeLoadModel, renderRelativeLoad, spreadLayers } from "@moescope/dashboard/figures";
import type { FigureMaker } from "./figure.ts";
import { modelOf, runSteps } from "./run-steps.ts";

export const relativeLoad: FigureMaker = async (client, { runs, layers, ...steps }) => {
  const chosen = layers ?? spreadLayers(runs[0]!.run.moeLayers);
  const sources = await Promise.all(runs.map((run) => runSteps(client, run, chosen, steps)));
  const model = modelOf(() => relativeLoadModel(sources, chosen));
  return { svg: () => renderRelativeLoad(model), csv: () => relativeLoadCsv(model) };
};
