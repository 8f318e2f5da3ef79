// The published figures as data and as files, without a browser: what the command line imports.
export {
  attentionByTokenBars,
  attentionByTokenCsv,
  attentionByTokenModel,
  attentionLayers,
  type ProbedRun,
} from "./attention-by-token-model.ts";
export { type BalanceOverStepsArm, type BalanceStretch, balanceOverStepsModel } from "./balance-over-steps-model.ts";
export { toCsv } from "./csv.ts";
export { DEFAULT_BINS, headsByBinBars, headsByBinCsv, headsByBinModel } from "./heads-by-bin-model.ts";
export { type LossAgainstBalanceArm, lossAgainstBalanceModel, type Spread } from "./loss-against-balance-model.ts";
export { modalityByExpertBars, modalityByExpertCsv, modalityByExpertModel } from "./modality-by-expert-model.ts";
export { modalityShareBars, modalityShareCsv, modalityShareModel } from "./modality-share-model.ts";
export { type RelativeLoadModel, relativeLoadCsv, relativeLoadModel } from "./relative-load-model.ts";
export { renderBalanceOverSteps, renderBarPanels, renderLossAgainstBalance, renderRelativeLoad } from "./render.ts";
export { DEFAULT_WINDOW, lastTenth, type RunSteps, spreadLayers } from "./run-steps.ts";
