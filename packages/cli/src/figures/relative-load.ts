// The figure `relative-load`: what share of each category's tokens every expert got, one panel for each run and layer.
import {
  lastTenth,
  relativeLoadCsv,
  relativeLoadModel,
  renderRelativeLoad,
  spreadLayers,
} from "@moescope/dashboard/figures";
import { WrongUse } from "../failure.ts";
import type { FigureMaker } from "./figure.ts";

export const relativeLoad: FigureMaker = async (client, { runs, layers, from, to }) => {
  const chosen = layers ?? spreadLayers(runs[0]!.run.moeLayers);
  const sources = await Promise.all(
    runs.map(async ({ run, lastStep }) => {
      const [first, last] = lastTenth(to ?? lastStep);
      const history = await client.history({ run: run.id, from: from ?? first, to: last, points: 1, layers: chosen });
      return { run, history };
    }),
  );
  const model = modelOf(() => relativeLoadModel(sources, chosen));
  return { svg: () => renderRelativeLoad(model), csv: () => relativeLoadCsv(model) };
};

/** Runs that cannot stand in one figure are the caller's choice. */
function modelOf<Model>(build: () => Model): Model {
  try {
    return build();
  } catch (error) {
    if (error instanceof RangeError) throw new WrongUse(error.message, { cause: error });
    throw error;
  }
}
