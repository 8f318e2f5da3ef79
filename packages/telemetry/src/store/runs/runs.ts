// What is known of every run, kept in memory: descriptions, states, newest values. Answers the run list without asking the store.
import type { StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { Described } from "./merge-descriptions.ts";
import { attemptsOf, type RunRecord, type StepDigest, type StepRange, stateOf, summaryOf } from "./run-summary.ts";

const { State } = v1.RunSummary;

/** Told about every run that appears, changes state, or has new values. */
export type RunListener = (run: string, change: "state" | "values") => void;

export class Runs {
  readonly #runs = new Map<string, RunRecord>();
  readonly #silentAfter: number;
  readonly #listeners: RunListener[] = [];

  /** @param silentAfter milliseconds without a message after which a run with no open stream is silent */
  constructor(silentAfter: number) {
    this.#silentAfter = silentAfter;
  }

  listen(listener: RunListener): void {
    this.#listeners.push(listener);
  }

  ids(): string[] {
    return [...this.#runs.keys()];
  }

  description(run: string): v1.RunDescription | undefined {
    return this.#runs.get(run)?.description;
  }

  /** Newest step of any split, from 0; −1 when there is none. */
  lastStep(run: string): number {
    return this.#runs.get(run)?.lastStepOfAnySplit ?? -1;
  }

  /** The description of a run, and the newest attempt that has sent it. */
  described(run: string): Described | undefined {
    const record = this.#runs.get(run);
    return record && { description: record.description, attempt: record.describedBy };
  }

  /** @param at when this was heard, in milliseconds since the Unix epoch; 0 for what the store tells */
  describe({ description, attempt }: Described, at: number): void {
    const { id } = description;
    const record = this.#runs.get(id);
    if (record === undefined) {
      this.#runs.set(id, newRecord(description, attempt, at));
      this.#announce(id);
      return;
    }
    Object.assign(record, { description, describedBy: attempt });
    this.#announce(id);
    this.#tell(id, "state");
  }

  streamOpened(run: string): void {
    this.#change(run, (record) => {
      record.openStreams++;
      heard(record, Date.now());
    });
  }

  streamClosed(run: string): void {
    this.#change(run, (record) => {
      record.openStreams--;
    });
  }

  /** @param at milliseconds since the Unix epoch */
  messagesArrived(run: string, at: number, rejected: number): void {
    this.#change(run, (record) => {
      heard(record, at);
      record.rejected += rejected;
    });
  }

  /** What an earlier collector stored of when a run was last heard. A clock that was set since says at most that it was just now. */
  heardBefore(run: string, at: number, rejected: number): void {
    this.#change(run, (record) => {
      record.lastMessageAt = Math.max(record.lastMessageAt, at);
      record.heardAt = performance.now() - Math.max(0, Date.now() - record.lastMessageAt);
      record.rejected += rejected;
    });
  }

  /** @param rank whose message made this sum */
  stepStored({ bucket, ranks, busiest }: StepSum, rank: number): void {
    this.attemptSeen(bucket.run, bucket.attempt, bucket.split, {
      firstStep: bucket.firstStep,
      lastStep: bucket.lastStep,
      steps: ranks === 1 ? 1 : 0,
    });
    if (bucket.split === v1.Split.TRAIN) this.rankSeen(bucket.run, bucket.attempt, rank, bucket.lastStep);
    this.newestStep(bucket.run, bucket.split, {
      ranks,
      attempt: bucket.attempt,
      step: bucket.lastStep,
      tokens: bucket.tokens,
      loss: scalar(bucket.scalars, "loss"),
      tokensPerSecond: scalar(bucket.scalars, "tokens_per_second"),
      layers: bucket.layers.map((layer) => ({
        layer: layer.layer,
        maxViolation: layer.maxViolation.last,
        busiestExpert: busiest.get(layer.layer) ?? 0,
      })),
    });
    this.#tell(bucket.run, "values");
  }

  /** Steps of one split of an attempt, to be added to what is known of it. */
  attemptSeen(run: string, attempt: number, split: v1.Split, seen: StepRange & { steps: number }): void {
    const record = this.#runs.get(run)!;
    const known = record.attempts.get(attempt);
    const trains = split === v1.Split.TRAIN;
    record.lastStepOfAnySplit = Math.max(record.lastStepOfAnySplit, seen.lastStep);
    record.attempts.set(attempt, {
      any: extended(known?.any, seen),
      train: trains ? extended(known?.train, seen) : known?.train,
      trained: (known?.trained ?? 0) + (trains ? seen.steps : 0),
      singleFrom: known?.singleFrom ?? 0,
      ranks: known?.ranks ?? new Map(),
    });
  }

  /** A training step of a rank, of an attempt that has been seen. */
  rankSeen(run: string, attempt: number, rank: number, step: number): void {
    const { ranks } = this.#runs.get(run)!.attempts.get(attempt)!;
    ranks.set(rank, Math.max(step, ranks.get(rank) ?? 0));
  }

  /** Training steps of an attempt before `singleFrom` are no longer stored one by one. */
  stepsExpired(run: string, attempt: number, singleFrom: number): void {
    const known = this.#runs.get(run)?.attempts.get(attempt);
    if (known === undefined || known.singleFrom === singleFrom) return;
    known.singleFrom = singleFrom;
    this.#tell(run, "values");
  }

  annotated(run: string, annotation: v1.Annotation): void {
    const record = this.#runs.get(run);
    if (record === undefined) return;
    record.annotation = annotation;
    this.#tell(run, "state");
  }

  newestStep(run: string, split: v1.Split, digest: StepDigest): void {
    const { newest } = this.#runs.get(run)!;
    const known = newest.get(split);
    const older =
      known !== undefined &&
      (digest.attempt < known.attempt || (digest.attempt === known.attempt && digest.step < known.step));
    if (!older) newest.set(split, digest);
  }

  endStored(end: v1.RunEnd): void {
    this.#change(end.run, (record) => {
      const ends = record.ends.get(end.attempt) ?? new Map<number, v1.RunEnd>();
      record.ends.set(end.attempt, ends.set(end.rank, end));
    });
  }

  /** Whether a stream of it is open. */
  isReporting(run: string): boolean {
    return (this.#runs.get(run)?.openStreams ?? 0) > 0;
  }

  /** Knows no run. */
  blank(): Runs {
    return new Runs(this.#silentAfter);
  }

  /** What is known of a run now, of which other collectors have stored more, or which they have deleted. */
  replace(run: string, by: Runs): void {
    const [known, found] = [this.#runs.get(run), by.#runs.get(run)];
    if (found === undefined) {
      this.#runs.delete(run);
      return;
    }
    found.openStreams = known?.openStreams ?? 0;
    found.announced = known?.announced ?? State.STATE_UNSPECIFIED;
    this.#runs.set(run, found);
    this.#announce(run);
    this.#tell(run, "values");
  }

  /** The run has been deleted. */
  forget(run: string): void {
    this.#runs.delete(run);
  }

  /** Announces the runs that have fallen silent since the last call. */
  announceSilence(): void {
    for (const run of this.#runs.keys()) this.#announce(run);
  }

  attempts(run: string): v1.Attempt[] {
    const record = this.#runs.get(run);
    return record === undefined ? [] : attemptsOf(record);
  }

  summary(run: string): v1.RunSummary | undefined {
    const record = this.#runs.get(run);
    return record === undefined ? undefined : summaryOf(record, this.#silentAfter);
  }

  #change(run: string, change: (record: RunRecord) => void): void {
    const record = this.#runs.get(run);
    if (record === undefined) return;
    change(record);
    this.#announce(run);
  }

  #announce(run: string): void {
    const record = this.#runs.get(run)!;
    const { state } = stateOf(record, this.#silentAfter);
    if (state === record.announced) return;
    record.announced = state;
    this.#tell(run, "state");
  }

  #tell(run: string, change: "state" | "values"): void {
    for (const listener of this.#listeners) listener(run, change);
  }
}

/** @param lastMessageAt 0 when it is yet to be read from the store */
function newRecord(description: v1.RunDescription, attempt: number, lastMessageAt: number): RunRecord {
  return {
    description,
    describedBy: attempt,
    annotation: undefined,
    attempts: new Map(),
    ends: new Map(),
    openStreams: 0,
    lastMessageAt,
    heardAt: lastMessageAt === 0 ? Number.NEGATIVE_INFINITY : performance.now(),
    lastStepOfAnySplit: -1,
    rejected: 0,
    newest: new Map(),
    announced: State.STATE_UNSPECIFIED,
  };
}

function heard(record: RunRecord, at: number): void {
  record.lastMessageAt = at;
  record.heardAt = performance.now();
}

function scalar(scalars: v1.ScalarSummary[], name: string): number {
  return scalars.find((scalar) => scalar.name === name)?.last ?? Number.NaN;
}

function extended(range: StepRange | undefined, { firstStep, lastStep }: StepRange): StepRange {
  if (range === undefined) return { firstStep, lastStep };
  return { firstStep: Math.min(range.firstStep, firstStep), lastStep: Math.max(range.lastStep, lastStep) };
}
