// Links native TensorFlow to `@tensorflow/tfjs-node-gpu`.
export { findCompiler } from "./addon.ts";
export { type EnsureOptions, ensureTensorflow } from "./ensure.ts";
export {
  type CustomOps,
  describeOutcome,
  type LinkedTensorflow,
  type MissingTensorflow,
  type TensorflowOutcome,
  TensorflowUnavailable,
} from "./outcome.ts";
export { describeProgress, type TensorflowProgress } from "./progress.ts";
export { findPython } from "./python.ts";
