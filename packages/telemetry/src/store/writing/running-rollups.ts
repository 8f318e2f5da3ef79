// Rollups made of steps as they come, so that the store need not read back what it has just been given.
//
// A bucket is whole when all its steps were seen here, in order and from every rank. Any other bucket the store makes from its rows.
import { addBucket, type StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { WIDTHS } from "../schema/pieces.ts";
import { numbersIn } from "./bucket-size.ts";
import type { RollupTask } from "./sealing.ts";

/** A whole bucket, `width` steps wide. */
export interface Rollup {
  width: number;
  /** Where the bucket begins; its first step may be later. */
  from: number;
  bucket: v1.StepBucket;
}

/** Numbers held, 8 bytes each. Attempts beyond it are rolled up from the store. */
const MAX_NUMBERS = 8_000_000;

/** One attempt. */
interface Line {
  run: string;
  /** Buckets that begin before it are not whole. */
  since: number;
  /** The highest step of each rank since then. */
  highest: Map<number, number>;
  /** Buckets that have begun, for each width; of the narrowest, also how many steps some rank has sent. */
  buckets: Map<number, { bucket: v1.StepBucket | undefined; begun: number }>[];
}

export class RunningRollups {
  readonly #lines = new Map<string, Line>();
  #numbers = 0;

  /**
   * @param sum of the step over the ranks that have arrived
   * @param ranks of the run
   * @param stored the highest step of the attempt that the store held before this process took its steps in; −1 when none
   */
  add({ run, split, attempt, rank, step }: v1.Step, sum: StepSum, ranks: number, stored: number): void {
    const key = `${run}/${split}/${attempt}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = { run, since: stored + 1, highest: new Map(), buckets: WIDTHS.map(() => new Map()) };
      this.#lines.set(key, line);
    }
    const inOrder = step > (line.highest.get(rank) ?? -1) && step >= line.since;
    if (!inOrder || this.#numbers > MAX_NUMBERS) {
      this.#restart(line, Math.max(step + 1, line.since));
      return;
    }
    line.highest.set(rank, step);
    const from = startOf(step, WIDTHS[0]!);
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
    if (!WIDTHS.includes(task.width)) return { whole: [], rest: [task] };
    const line = this.#lines.get(`${task.run}/${task.split}/${task.attempt}`);
    const whole: Rollup[] = [];
    const rest: RollupTask[] = [];
    for (let from = task.from; from < task.before; from += task.width) {
      const before = from + task.width;
      const bucket = line && this.#takeBucket(line, task.width, from);
      if (bucket) whole.push({ width: task.width, from, bucket });
      else if (line === undefined || from < line.since) {
        const last = rest.at(-1);
        if (last?.before === from) last.before = before;
        else rest.push({ ...task, from, before });
      }
    }
    return { whole, rest };
  }

  /** The run is stored or deleted by somebody else: nothing is known of it any more. */
  forget(run: string): void {
    for (const [key, line] of this.#lines) {
      if (line.run !== run) continue;
      this.#restart(line, Number.POSITIVE_INFINITY);
      this.#lines.delete(key);
    }
  }

  /** @returns undefined when there is no step in it, or it is not whole: then `since` lies behind its beginning */
  #takeBucket(line: Line, width: number, from: number): v1.StepBucket | undefined {
    const level = WIDTHS.indexOf(width);
    const found = line.buckets[level]!.get(from);
    if (found === undefined || from < line.since) return undefined;
    const { bucket, begun } = found;
    if (bucket === undefined || (level === 0 && bucket.steps < begun)) {
      this.#restart(line, from + width);
      return undefined;
    }
    line.buckets[level]!.delete(from);
    this.#numbers -= numbersIn(bucket);
    this.#widen(line, level + 1, bucket, from);
    return bucket;
  }

  #widen(line: Line, level: number, bucket: v1.StepBucket, at: number): void {
    const width = WIDTHS[level];
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

function startOf(step: number, width: number): number {
  return Math.floor(step / width) * width;
}
