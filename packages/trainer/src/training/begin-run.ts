// Where a run begins: fresh, where its checkpoint ends, or from the parameters of another run. Numbers the attempt before it is reported.
import { claimAttempt } from "../checkpoint/attempts.ts";
import type { CheckpointRecord } from "../checkpoint/checkpoint.ts";
import { CheckpointWriter } from "../checkpoint/checkpoint-writer.ts";
import { withoutPrefix, withPrefix } from "../checkpoint/named-array.ts";
import { type Checkpoint, readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { removeUnfinished } from "../checkpoint/run-folder.ts";
import type { Corpus } from "../data/corpus.ts";
import { Probe } from "../probe/probe.ts";
import type { RunConfiguration } from "../recipe/run-configuration.ts";
import type { RunIdentity } from "../recipe/run-description.ts";
import { TrainStep } from "./train-step.ts";

/** Where a run is kept, and how often. */
export interface CheckpointPlan {
  /** Of this one run. */
  folder: string;
  /** Steps between checkpoints, besides the one at the end; and how many are kept, besides that one. */
  every: number;
  kept: number;
}

export interface RunBeginning {
  configuration: RunConfiguration;
  corpus: Corpus;
  identity: RunIdentity;
  /** Name of the backend that computes. */
  backend: string;
  /** Absent: the run is not kept. Needed to resume. */
  checkpoints?: CheckpointPlan;
  /** Folder of the checkpoint of this run that it goes on from. */
  resume?: string;
  /** Folder of the checkpoint of another run whose parameters it starts from. */
  from?: string;
  /** Told in one line why steps may not be what they would have been. */
  notice: (line: string) => void;
}

export interface BegunRun {
  trainer: TrainStep;
  /** Absent: the configuration wants none. */
  probe?: Probe;
  /** Updates made already. */
  firstStep: number;
  /** Number of this attempt; no other has had it. */
  attempt: number;
  checkpoints?: CheckpointWriter;
}

/**
 * @throws CheckpointError when a checkpoint cannot be read, or another process trains this run
 * @throws RecipeError when a checkpoint does not fit the model
 */
export function beginRun(beginning: RunBeginning): BegunRun {
  const { configuration, corpus, checkpoints: plan, resume, from, notice } = beginning;
  const trainer = new TrainStep(configuration, corpus.categories.length);
  const probe = configuration.probe.every > 0 ? new Probe(configuration, corpus) : undefined;
  const resumed = resume === undefined ? undefined : readCheckpoint(resume);
  if (resumed) goOn(trainer, probe, resumed, beginning);
  else if (from !== undefined) trainer.restoreParameters(readCheckpoint(from).state);
  const firstStep = resumed?.record.step ?? 0;
  if (!plan) return { trainer, probe, firstStep, attempt: 0 };
  const attempt = claimAttempt(plan.folder, notice);
  removeUnfinished(plan.folder);
  const about = aboutRun(beginning, attempt);
  return {
    trainer,
    probe,
    firstStep,
    attempt,
    checkpoints: new CheckpointWriter({ ...plan, about, firstStep, notice }),
  };
}

function goOn(
  trainer: TrainStep,
  probe: Probe | undefined,
  { record, state }: Checkpoint,
  beginning: RunBeginning,
): void {
  trainer.restore(withoutPrefix(state, "probe"));
  probe?.restore(withPrefix(state, "probe"));
  const now = aboutRun(beginning, record.attempt);
  const differences = [
    ...(record.codeVersion === now.codeVersion ? [] : [`moescope ${record.codeVersion}, now ${now.codeVersion}`]),
    ...(record.backend === now.backend ? [] : [`backend ${record.backend}, now ${now.backend}`]),
    ...(isOfSameData(record, now) ? [] : ["other data: its files have changed"]),
  ];
  if (differences.length === 0) return;
  beginning.notice(
    `The checkpoint was made with ${differences.join("; ")}. Steps may differ from those of a run without a break`,
  );
}

/** Checkpoints of earlier versions have no fingerprint. */
function isOfSameData(before: About, now: About): boolean {
  const [known, found] = [before.configuration.corpus, now.configuration.corpus];
  return JSON.stringify(before.data) === JSON.stringify(now.data) && (known === undefined || known === found);
}

type About = Pick<CheckpointRecord, "data" | "configuration">;

function aboutRun(
  { configuration, corpus, identity, backend }: RunBeginning,
  attempt: number,
): Omit<CheckpointRecord, "format" | "step" | "tokens" | "writtenAt" | "files"> {
  const { codeVersion, ...run } = identity;
  const { categories } = corpus;
  return { run, configuration, categories, data: corpus.describe(), attempt, codeVersion, backend };
}
