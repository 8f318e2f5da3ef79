// What the command and a training process tell each other over the channel between them.
import type {
  CheckpointPlan,
  CollectorAccess,
  DataSource,
  Parent,
  Recipe,
  ReporterStatistics,
  RunIdentity,
} from "@moescope/trainer";

/** What a training process is to do. */
export interface TrainingOrder {
  recipe: Recipe;
  /** The built-in corpus when absent. */
  sources?: DataSource[];
  /** File of a tokenizer; bytes are the tokens when absent. */
  tokenizer?: string;
  /** The best one that works here when absent. */
  backend?: string;
  identity: RunIdentity;
  /** Where the run is kept; absent: nowhere. */
  checkpoints?: CheckpointPlan;
  /** Folder of the checkpoint of this run that it goes on from. */
  resume?: string;
  /** The checkpoint of another run that this one was started from, and the folder to start from now. */
  parent?: Parent;
  from?: string;
  /** Where steps are reported to; absent: nowhere. */
  collector?: { address: string; access: CollectorAccess; spoolDirectory: string };
}

/** Ends the run after the step under way. */
export interface StopOrder {
  kind: "stop";
  reason: string;
}

/** An order comes first, and once. */
export type ToTraining = ({ kind: "order" } & TrainingOrder) | StopOrder;

export interface TrainingStarted {
  kind: "started";
  /** In words, as in `TensorFlow 2.21.0, 2 threads`. */
  device: string;
  /** One line when it is not the first choice. */
  notice?: string;
  /** Number of this attempt, and the step that it begins with. */
  attempt: number;
  firstStep: number;
}

export interface TrainingProgress {
  kind: "progress";
  /** Steps done. */
  steps: number;
  /** Nats. */
  loss: number;
  tokensPerSecond: number;
  /** MaxVio of the step's batch, mean over layers. */
  maxViolation: number;
}

export interface TrainingEvaluation {
  /** Nats a token. */
  loss: number;
  /** MaxVio of the counts summed over all validation batches, mean over layers. */
  maxViolation: number;
  deadExperts: number;
  dropped: number;
}

export interface TrainingEnded {
  kind: "ended";
  outcome: "finished" | "stopped" | "failed";
  /** Why it stopped or failed. */
  reason?: string;
  steps: number;
  /** Folder of the newest checkpoint that was written. */
  checkpoint?: string;
  loss?: number;
  evaluation?: TrainingEvaluation;
  reporting: ReporterStatistics;
}

export type FromTraining =
  | TrainingStarted
  | TrainingProgress
  | TrainingEnded
  | { kind: "notice"; line: string }
  /** The order cannot be carried out. `name` is that of the error. */
  | { kind: "error"; name: string; message: string; stack?: string };
