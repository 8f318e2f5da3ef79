export { definitionOf, partsOf } from "./balancing/combination.ts";
export * from "./balancing/index.ts";
export { CheckpointError, type CheckpointRecord } from "./checkpoint/checkpoint.ts";
export { type Checkpoint, readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export { listCheckpoints, newestCheckpoint, type StoredCheckpoint } from "./checkpoint/run-folder.ts";
export * from "./data/corpus.ts";
export { DataError } from "./data/data-error.ts";
export {
  builtInCategories,
  builtInSources,
  type DataSource,
  parseDataSource,
  withHeldOut,
} from "./data/data-source.ts";
export { moeLayersOf } from "./model/transformer.ts";
export { loadsOf, workingLoadsOf } from "./moe/routing-counts.ts";
export { parseTokenClass, type TokenClass } from "./probe/token-classes.ts";
export * from "./recipe/recipe.ts";
export { RecipeError } from "./recipe/recipe-error.ts";
export { recipes } from "./recipe/recipes/index.ts";
export { type RecipeChoice, resolveRecipe } from "./recipe/resolve-recipe.ts";
export * from "./recipe/run-configuration.ts";
export * from "./recipe/run-description.ts";
export {
  type CollectorAccess,
  callMetadata,
  channelCredentials,
  type TlsAccess,
} from "./reporting/collector-access.ts";
export { CollectorReporter, type CollectorReporterOptions } from "./reporting/collector-reporter.ts";
export * from "./reporting/reporter.ts";
export { backends, type OpenBackend, openBackend } from "./runtime/backends.ts";
export { type BackendProbe, probeBackends } from "./runtime/probe.ts";
export { processEnvironment } from "./runtime/process-environment.ts";
export { withoutStartUpNoise } from "./runtime/start-up-noise.ts";
export { tf } from "./runtime/tf.ts";
export * from "./training/begin-run.ts";
export type { Evaluation } from "./training/evaluation.ts";
export * from "./training/train.ts";
export { type Trained, TrainStep } from "./training/train-step.ts";
export type { TrainingStep } from "./training/training-step.ts";
