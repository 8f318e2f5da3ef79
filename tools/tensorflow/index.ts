// Links native TensorFlow to `@tensorflow/tfjs-node-gpu`.
export { type EnsureOptions, ensureTensorflow } from "./ensure.ts";
export {
  type CustomOps,
  describeOutcome,
  type LinkedTensorflow,
  type MissingTensorflow,
  type TensorflowOutcome,
} from "./outcome.ts";
export { describeProgress, type TensorflowProgress } from "./progress.ts";
