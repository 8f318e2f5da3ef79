// The published figures as data and as files, without a browser: what the command line imports.
export { type BalanceOverStepsArm, type BalanceStretch, balanceOverStepsModel } from "./balance-over-steps-model.ts";
export { toCsv } from "./csv.ts";
export { type LossAgainstBalanceArm, lossAgainstBalanceModel, type Spread } from "./loss-against-balance-model.ts";
export {
  DEFAULT_WINDOW,
  lastTenth,
  type RelativeLoadModel,
  type RelativeLoadSource,
  relativeLoadCsv,
  relativeLoadModel,
  spreadLayers,
} from "./relative-load-model.ts";
export { renderBalanceOverSteps, renderLossAgainstBalance, renderRelativeLoad } from "./render.ts";
