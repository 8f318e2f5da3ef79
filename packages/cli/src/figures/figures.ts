// The figures by name, each drawn from what is stored of runs.
import { attentionByToken, headsByBin } from "./attention.ts";
import type { FigureMaker } from "./figure.ts";
import { modalityByExpert, modalityShare } from "./modality.ts";
import { relativeLoad } from "./relative-load.ts";

export const figures: Readonly<Record<string, FigureMaker>> = {
  "modality-by-expert": modalityByExpert,
  "modality-share": modalityShare,
  "attention-by-token": attentionByToken,
  "relative-load": relativeLoad,
  "heads-by-bin": headsByBin,
};
