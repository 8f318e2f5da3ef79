export { definitionOf, partsOf } from "./balancing/combination.ts";
export * from "./balancing/index.ts";
export * from "./begin-run.ts";
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
export type { Evaluation } from "./evaluation.ts";
export { moeLayersOf } from "./model/transformer.ts";
export { loadsOf, workingLoadsOf } from "./moe/routing-counts.ts";
export { parseTokenClass, type TokenClass } from "./probe/token-classes.ts";
export * from "./recipe.ts";
export { RecipeError } from "./recipe-error.ts";
export { recipes } from "./recipes/index.ts";
export {
  type CollectorAccess,
  callMetadata,
  channelCredentials,
  type TlsAccess,
} from "./reporting/collector-access.ts";
export { CollectorReporter, type CollectorReporterOptions } from "./reporting/collector-reporter.ts";
export * from "./reporting/reporter.ts";
export { type RecipeChoice, resolveRecipe } from "./resolve-recipe.ts";
export * from "./run-configuration.ts";
export * from "./run-description.ts";
export { backends, type OpenBackend, openBackend } from "./runtime/backends.ts";
export { type BackendProbe, probeBackends } from "./runtime/probe.ts";
export { processEnvironment } from "./runtime/process-environment.ts";
export { withoutStartUpNoise } from "./runtime/start-up-noise.ts";
export { tf } from "./runtime/tf.ts";
export * from "./train.ts";
export { type Trained, TrainStep } from "./train-step.ts";
export type { TrainingStep } from "./training-step.ts";
