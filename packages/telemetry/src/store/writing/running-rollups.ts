// Rollups made of steps as they come, so that the store need not read back what it has just been given.
//
// A bucket is whole when all its steps were seen here, in order and from every rank. Any other bucket the store makes from its rows.
import { addBucket, type StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { blockWidth, type Span, widthsOf } from "../schema/pieces.ts";
import { numbersIn } from "./bucket-size.ts";
import type { RollupTask } from "./sealing.ts";

/** A whole bucket, `width` steps wide. */
export interface Rollup {
  width: number;
  /** Where the bucket begins; its first step may be later. */
  from: number;
  bucket: v1.StepBucket;
}

/** What is known of the run when one of its steps is added. */
export interface RunningContext {
  /** Ranks of the run. */
  ranks: number;
  /** The highest step near it that the store held before this process took its steps in; −1 when none. */
  stored: number;
  /** Says how wide rollups of the attempt are. */
  exponent: number;
}

/** Numbers held, 8 bytes each. Attempts beyond it are rolled up from the store. */
const MAX_NUMBERS = 8_000_000;
/** Blocks of an attempt that steps may come in at once. */
const MOST_BLOCKS = 64;

/** Buckets that have begun; of the narrowest, also how many steps some rank has sent. */
type Begun = Map<number, { bucket: v1.StepBucket | undefined; begun: number }>;

/** One block of an attempt. */
interface Line {
  /** Buckets that begin before it are not whole. */
  since: number;
  /** The highest step of each rank since then. */
  highest: Map<number, number>;
  /** For each width. */
  buckets: Begun[];
}

interface Attempt {
  run: string;
  exponent: number;
  lines: Map<number, Line>;
  /** The highest step added. */
  highest: number;
  /** Buckets that begin before it are not whole in any line to come. */
  notBefore: number;
}

export class RunningRollups {
  readonly #attempts = new Map<string, Attempt>();
  #numbers = 0;

  /** @param sum of the step over the ranks that have arrived */
  add(message: v1.Step, sum: StepSum, { ranks, stored, exponent }: RunningContext): void {
    const { rank, step } = message;
    const attempt = this.#attemptOf(message, exponent);
    const line = this.#lineOf(attempt, step, stored);
    attempt.highest = Math.max(attempt.highest, step);
    const inOrder = step > (line.highest.get(rank) ?? -1) && step >= line.since;
    if (!inOrder || this.#numbers > MAX_NUMBERS) {
      this.#restart(line, Math.max(step + 1, line.since));
      return;
    }
    line.highest.set(rank, step);
    const from = startOf(step, widthsOf(exponent)[0]!);
    const known = line.buckets[0]!.get(from) ?? { bucket: undefined, begun: 0 };
    line.buckets[0]!.set(from, known);
    if (sum.ranks === 1) known.begun++;
    if (sum.ranks < ranks || from < line.since) return;
    if (known.bucket !== undefined && known.bucket.lastStep >= step) this.#restart(line, step + 1);
    else this.#addTo(known, sum.bucket);
  }

  /**
   * Takes out the whole buckets among those of a task.
   *
   * @param task narrower tasks of the attempt come before wider ones
   * @returns the buckets, and what the store is left to make
   */
  take(task: RollupTask): { whole: Rollup[]; rest: RollupTask[] } {
    const attempt = this.#attempts.get(keyOf(task));
    if (attempt?.exponent !== task.exponent) return { whole: [], rest: [task] };
    const level = widthsOf(attempt.exponent).indexOf(task.width);
    const line = attempt.lines.get(blockNumber(task.spans[0]!.from, attempt.exponent));
    if (line === undefined || level < 0) return { whole: [], rest: [task] };
    const whole: Rollup[] = [];
    const rest: Span[] = [];
    for (const { from: first, until } of task.spans) {
      // What began before is left to the store in one piece, however long it is.
      const border = Math.min(until, Math.max(first, Math.ceil(line.since / task.width) * task.width));
      if (first < border) addSpan(rest, first, border);
      for (let from = border; from < until; from += task.width) {
        const bucket = this.#takeBucket(attempt, line, level, from);
        if (bucket !== undefined) whole.push({ width: task.width, from, bucket });
        else if (from < line.since) addSpan(rest, from, from + task.width);
      }
    }
    return { whole, rest: rest.length === 0 ? [] : [{ ...task, spans: rest }] };
  }

  /** Nothing is known of the run any more: another collector stores it, it is deleted, or a batch is laid out again. */
  forget(run: string): void {
    for (const [key, attempt] of this.#attempts) {
      if (attempt.run !== run) continue;
      for (const line of attempt.lines.values()) this.#restart(line, Number.POSITIVE_INFINITY);
      this.#attempts.delete(key);
    }
  }

  /** Steps of the attempt were left out: its rollups are the store's from now on. */
  leaveToStore(message: v1.Step): void {
    const attempt = this.#attempts.get(keyOf(message));
    for (const line of attempt?.lines.values() ?? []) this.#restart(line, Number.POSITIVE_INFINITY);
    if (attempt !== undefined) attempt.notBefore = Number.POSITIVE_INFINITY;
  }

  #attemptOf(message: v1.Step, exponent: number): Attempt {
    const key = keyOf(message);
    const known = this.#attempts.get(key);
    if (known?.exponent === exponent) return known;
    for (const line of known?.lines.values() ?? []) this.#restart(line, Number.POSITIVE_INFINITY);
    const { highest, notBefore } = known ?? { highest: -1, notBefore: 0 };
    const attempt = {
      ...{ run: message.run, exponent, lines: new Map(), highest },
      notBefore: Math.max(notBefore, highest + 1),
    };
    this.#attempts.set(key, attempt);
    return attempt;
  }

  #lineOf(attempt: Attempt, step: number, stored: number): Line {
    const number = blockNumber(step, attempt.exponent);
    const known = attempt.lines.get(number);
    if (known !== undefined) return known;
    if (attempt.lines.size >= MOST_BLOCKS) this.#forgetOldest(attempt);
    const buckets = widthsOf(attempt.exponent).map((): Begun => new Map());
    const line = { since: Math.max(stored + 1, attempt.notBefore), highest: new Map(), buckets };
    attempt.lines.set(number, line);
    return line;
  }

  /** No line that comes after it is known to be new. */
  #forgetOldest(attempt: Attempt): void {
    const [[number, line]] = attempt.lines as Iterable<[number, Line]> as [[number, Line]];
    this.#restart(line, Number.POSITIVE_INFINITY);
    attempt.lines.delete(number);
    attempt.notBefore = Number.POSITIVE_INFINITY;
  }

  /** @returns undefined when there is no step in it, or it is not whole: then `since` lies behind its beginning */
  #takeBucket(attempt: Attempt, line: Line, level: number, from: number): v1.StepBucket | undefined {
    const found = line.buckets[level]!.get(from);
    if (found === undefined || from < line.since) return undefined;
    const { bucket, begun } = found;
    if (bucket === undefined || (level === 0 && bucket.steps < begun)) {
      this.#restart(line, from + widthsOf(attempt.exponent)[level]!);
      return undefined;
    }
    line.buckets[level]!.delete(from);
    this.#numbers -= numbersIn(bucket);
    this.#widen(attempt, line, level + 1, bucket, from);
    return bucket;
  }

  #widen({ exponent }: Attempt, line: Line, level: number, bucket: v1.StepBucket, at: number): void {
    const width = widthsOf(exponent)[level];
    if (width === undefined) return;
    const from = startOf(at, width);
    if (from < line.since) return;
    const wider = line.buckets[level]!.get(from) ?? { bucket: undefined, begun: 0 };
    line.buckets[level]!.set(from, wider);
    this.#addTo(wider, bucket);
  }

  #addTo(known: { bucket: v1.StepBucket | undefined }, next: v1.StepBucket): void {
    this.#numbers -= known.bucket === undefined ? 0 : numbersIn(known.bucket);
    known.bucket = addBucket(known.bucket, next);
    this.#numbers += numbersIn(known.bucket);
  }

  /** Forgets the buckets that begin before a step. */
  #restart(line: Line, since: number): void {
    line.since = Math.max(line.since, since);
    for (const buckets of line.buckets) {
      for (const [from, { bucket }] of buckets) {
        if (from >= line.since) continue;
        if (bucket !== undefined) this.#numbers -= numbersIn(bucket);
        buckets.delete(from);
      }
    }
  }
}

function keyOf({ run, split, attempt }: Pick<v1.Step, "run" | "split" | "attempt">): string {
  return `${run}/${split}/${attempt}`;
}

function blockNumber(step: number, exponent: number): number {
  return Math.floor(step / blockWidth(exponent));
}

function startOf(step: number, width: number): number {
  return Math.floor(step / width) * width;
}

function addSpan(spans: Span[], from: number, until: number): void {
  const last = spans.at(-1);
  if (last?.until === from) last.until = until;
  else spans.push({ from, until });
}
