// The summary of a run: its state, and its newest values.
import { v1 } from "@moescope/proto";
import { parentsOf } from "../reading/attempts.ts";

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
  /** Ranks that have arrived. */
  ranks: number;
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
  /** The highest training step of each rank. */
  ranks: Map<number, number>;
}

/** Everything that is kept of one run. */
export interface RunRecord {
  description: v1.RunDescription;
  describedBy: number;
  /** What people have written on it. */
  annotation: v1.Annotation | undefined;
  attempts: Map<number, AttemptRecord>;
  ends: Map<number, Map<number, v1.RunEnd>>;
  openStreams: number;
  /** Milliseconds since the Unix epoch, to be shown. */
  lastMessageAt: number;
  /** The same on the clock of `performance.now()`, which nobody sets: silence is measured by it. */
  heardAt: number;
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
    ranksArrived: train?.ranks ?? 0,
    ...laggingRanks(record),
    ...(record.annotation !== undefined && { annotation: record.annotation }),
  });
}

/** Missing ranks that are named; a run may say that it has billions. */
const MOST_MISSING = 64;

/** Which ranks of the newest attempt have sent no training step, and which of the others is furthest behind. */
function laggingRanks({ attempts, description }: RunRecord) {
  const ranks = attempts.get(newestOf(attempts.keys()))?.ranks ?? new Map<number, number>();
  const missingRanks: number[] = [];
  // Ends soon: a rank that is not missing has sent a step.
  for (let rank = 0; rank < description.ranks && missingRanks.length < MOST_MISSING; rank++) {
    if (!ranks.has(rank)) missingRanks.push(rank);
  }
  const missing = description.ranks - ranks.size;
  let [furthest, slowestRank, slowest] = [-1, 0, Number.POSITIVE_INFINITY];
  for (const [rank, step] of ranks) {
    furthest = Math.max(furthest, step);
    if (step < slowest) [slowestRank, slowest] = [rank, step];
  }
  const stepsBehind = ranks.size === 0 ? 0 : furthest - slowest;
  return { missingRanks, missing, slowestRank: stepsBehind === 0 ? 0 : slowestRank, stepsBehind };
}

function newestOf(attempts: Iterable<number>): number {
  let newest = -1;
  for (const attempt of attempts) newest = Math.max(newest, attempt);
  return newest;
}

/** Ranges of training steps; of all steps for an attempt that has not trained. Ascending. */
export function attemptsOf(record: RunRecord): v1.Attempt[] {
  const attempts = [...record.attempts]
    .map(([attempt, { any, train, trained, singleFrom }]) => ({
      attempt,
      ...(train ?? any),
      steps: trained,
      singleFrom,
    }))
    .sort((a, b) => a.attempt - b.attempt);
  const parents = parentsOf(attempts);
  return attempts.map((each, index) => {
    const { outcome } = endOf(record, each.attempt) ?? { outcome: Outcome.OUTCOME_UNSPECIFIED };
    return new v1.Attempt({ ...each, parent: parents[index], outcome });
  });
}

export function stateOf(record: RunRecord, silentAfter: number): { state: v1.RunSummary.State; reason: string } {
  const ended = endOf(record, Math.max(record.describedBy, newestOf(record.attempts.keys())));
  if (ended !== undefined) return { state: STATES[ended.outcome], reason: ended.reason };
  const live = record.openStreams > 0 || performance.now() - record.heardAt < silentAfter;
  return { state: live ? State.LIVE : State.SILENT, reason: "" };
}

const STATES = {
  [Outcome.OUTCOME_UNSPECIFIED]: State.STATE_UNSPECIFIED,
  [Outcome.FINISHED]: State.FINISHED,
  [Outcome.STOPPED]: State.STOPPED,
  [Outcome.FAILED]: State.FAILED,
};

/** How an attempt ended: one rank that failed or was stopped speaks for all, finished only when every rank has. */
function endOf({ ends, description }: RunRecord, attempt: number): Pick<v1.RunEnd, "outcome" | "reason"> | undefined {
  const said = [...(ends.get(attempt)?.values() ?? [])];
  const first = (wanted: v1.RunEnd.Outcome) => said.find(({ outcome }) => outcome === wanted);
  const early = first(Outcome.FAILED) ?? first(Outcome.STOPPED);
  return early ?? (said.length >= description.ranks ? said[0] : undefined);
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
