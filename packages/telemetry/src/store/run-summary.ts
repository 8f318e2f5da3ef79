// The summary of a run: its state, and its newest values.
import { v1 } from "@moescope/proto";

const { State } = v1.RunSummary;
const { Outcome } = v1.RunEnd;

/** Values of one step that a summary shows. */
export interface StepDigest {
  attempt: number;
  step: number;
  tokens: number;
  loss: number;
  tokensPerSecond: number;
  layers: { layer: number; maxViolation: number; busiestExpert: number }[];
}

/** Both included. */
export interface StepRange {
  firstStep: number;
  lastStep: number;
}

export interface AttemptRecord {
  /** Steps of any split, and training steps alone. */
  any: StepRange;
  train: StepRange | undefined;
  /** Training steps stored. */
  trained: number;
  /** Training steps before it have expired. */
  singleFrom: number;
}

/** Everything that is kept of one run. */
export interface RunRecord {
  description: v1.RunDescription;
  describedBy: number;
  attempts: Map<number, AttemptRecord>;
  ends: Map<number, Map<number, v1.RunEnd>>;
  openStreams: number;
  lastMessageAt: number;
  lastStepOfAnySplit: number;
  rejected: number;
  newest: Map<v1.Split, StepDigest>;
  announced: v1.RunSummary.State;
}

/** @param silentAfter milliseconds without a message after which a run with no open stream is silent */
export function summaryOf(record: RunRecord, silentAfter: number): v1.RunSummary {
  const train = record.newest.get(v1.Split.TRAIN);
  const evaluation = record.newest.get(v1.Split.EVAL);
  const worst = worstLayer(train);
  const { state, reason } = stateOf(record, silentAfter);
  return new v1.RunSummary({
    run: record.description,
    state,
    reason,
    lastStep: train?.step ?? 0,
    steps: [...record.attempts.values()].reduce((sum, { trained }) => sum + trained, 0),
    tokens: train?.tokens ?? 0,
    lastMessageAt: record.lastMessageAt,
    loss: train?.loss ?? Number.NaN,
    tokensPerSecond: train?.tokensPerSecond ?? Number.NaN,
    maxViolation: meanMaxViolation(train),
    worstLayer: worst?.layer ?? 0,
    worstExpert: worst?.busiestExpert ?? 0,
    worstMaxViolation: worst?.maxViolation ?? Number.NaN,
    validationLoss: evaluation?.loss ?? Number.NaN,
    validationMaxViolation: meanMaxViolation(evaluation),
    attempts: attemptsOf(record),
    rejected: record.rejected,
  });
}

/** Ranges of training steps; of all steps for an attempt that has not trained. Ascending. */
export function attemptsOf(record: RunRecord): v1.Attempt[] {
  return [...record.attempts]
    .map(([attempt, { any, train, singleFrom }]) => new v1.Attempt({ attempt, ...(train ?? any), singleFrom }))
    .sort((a, b) => a.attempt - b.attempt);
}

export function stateOf(record: RunRecord, silentAfter: number): { state: v1.RunSummary.State; reason: string } {
  const ended = endOf(record);
  if (ended !== undefined) return ended;
  const live = record.openStreams > 0 || Date.now() - record.lastMessageAt < silentAfter;
  return { state: live ? State.LIVE : State.SILENT, reason: "" };
}

/** How the newest attempt ended: one rank that failed or was stopped speaks for all, finished only when every rank has. */
function endOf(record: RunRecord): { state: v1.RunSummary.State; reason: string } | undefined {
  const newest = Math.max(record.describedBy, ...record.attempts.keys());
  const ends = [...(record.ends.get(newest)?.values() ?? [])];
  const failed = ends.find((end) => end.outcome === Outcome.FAILED);
  if (failed !== undefined) return { state: State.FAILED, reason: failed.reason };
  const stopped = ends.find((end) => end.outcome === Outcome.STOPPED);
  if (stopped !== undefined) return { state: State.STOPPED, reason: stopped.reason };
  const finished = ends.length > 0 && ends.length >= record.description.ranks;
  return finished ? { state: State.FINISHED, reason: "" } : undefined;
}

// A layer without assignments has no MaxVio and is left out of both.
function layersWithLoad(digest: StepDigest | undefined) {
  return (digest?.layers ?? []).filter((layer) => !Number.isNaN(layer.maxViolation));
}

function meanMaxViolation(digest: StepDigest | undefined): number {
  const layers = layersWithLoad(digest);
  return layers.reduce((sum, layer) => sum + layer.maxViolation, 0) / layers.length;
}

function worstLayer(digest: StepDigest | undefined) {
  const [first, ...others] = layersWithLoad(digest);
  return others.reduce((worst, layer) => (layer.maxViolation > worst!.maxViolation ? layer : worst), first);
}
