// The published figures as data and as files, without a browser: what `moescope figure` imports.
export {
  DEFAULT_WINDOW,
  lastTenth,
  type RelativeLoadModel,
  type RelativeLoadSource,
  relativeLoadCsv,
  relativeLoadModel,
  spreadLayers,
} from "./relative-load-model.ts";
export { renderRelativeLoad } from "./render.ts";
