// Which buckets of steps are complete and can be rolled up, and which must be rolled up again because a step arrived late.
import { v1 } from "@moescope/proto";
import { FORMER_NARROWEST, type Sealed, type Span, UNSEALED, WIDTHS } from "../schema/pieces.ts";
import { AttemptProgress, type Block, largest, type RankSteps } from "./attempt-progress.ts";

export interface AttemptKey {
  run: string;
  split: v1.Split;
  attempt: number;
}

/** Buckets of one block of an attempt, `width` steps wide each: those of every span. */
export interface RollupTask extends AttemptKey {
  /** Say which widths the attempt has, as in `Sealed`. */
  exponent: number;
  formerUntil: number;
  width: number;
  spans: Span[];
}

/** Every rollup inside the span exists; where it is empty, none of its block is to be read any more. */
export interface Seal extends AttemptKey, Span {
  /** Width of the narrowest. */
  narrowest: number;
}

/** What a batch makes complete. Narrow buckets come first: the wider are made of them. */
export interface SealingPlan {
  tasks: RollupTask[];
  seals: Seal[];
}

type SentStep = Pick<v1.Step, "run" | "split" | "attempt" | "rank" | "step">;
type SentEnd = Pick<v1.RunEnd, "run" | "attempt">;

const SPLITS = [v1.Split.TRAIN, v1.Split.EVAL, v1.Split.PROBE, v1.Split.ROLLOUT];

/** A rank that is this many steps behind the first is not waited for; what it sends is rolled up again. */
const MOST_STEPS_BEHIND = 1024;
/** Late steps in at most this many buckets of a block are always rolled up again, whatever that costs. */
const FEW_BUCKETS = 16;
/** Messages that may be read again for each late one. Where more would be, the block is in no order, and what is sealed of it is given up. */
const READ_AGAIN = 8;
/** Buckets rolled up at once when much is missing. */
const CATCH_UP = 128;

/** How far an attempt goes: its highest step, and the step before which all are rolled up. */
export interface AttemptExtent {
  run: string;
  attempt: number;
  highest: number;
  sealed: number;
  /** As in `Sealed`. */
  exponent: number;
}

interface Attempt extends AttemptKey {
  progress: AttemptProgress;
}

export class Sealing {
  readonly #attempts = new Map<string, Attempt>();
  readonly #ranksOf: (run: string) => number;
  readonly #every: number;
  readonly #alone: boolean;

  /**
   * @param ranksOf how many ranks a run has
   * @param every steps that are rolled up together, a multiple of the narrowest width
   * @param alone whether no other collector makes rollups
   */
  constructor(ranksOf: (run: string) => number, every: number, alone = true) {
    this.#ranksOf = ranksOf;
    this.#every = every;
    this.#alone = alone;
  }

  sealed(run: string, split: v1.Split, attempt: number): Sealed {
    const sealed = this.#find({ run, split, attempt })?.sealed() ?? UNSEALED;
    return { ...sealed, once: sealed.once && this.#alone };
  }

  /** Steps of the attempt are about 2^exponent apart; 0 until that is known. */
  exponent(key: AttemptKey): number {
    return this.#find(key)?.exponent ?? 0;
  }

  /** Rollups of the attempt may be there twice; to be told before the second can be read. */
  doubt(key: AttemptKey): void {
    this.#of(key).once = false;
  }

  /** The highest step of an attempt that a rank has sent; −1 when it has sent none. */
  highestOfRank(step: AttemptKey & { rank: number }): number {
    return this.#find(step)?.highest.get(step.rank) ?? -1;
  }

  /** The highest step near this one that any rank of the attempt has sent; no step above it is known. */
  highestNear(step: AttemptKey & { step: number }): number {
    return this.#find(step)?.highestNear(step.step) ?? -1;
  }

  /** What the store holds: steps of one rank in one block. */
  loaded(key: AttemptKey, steps: RankSteps): void {
    const progress = this.#of(key);
    progress.seen(steps);
    progress.trim();
  }

  /** Rollups of a span exist, from now on. */
  seal(seal: Seal): void {
    this.#of(seal).seal(seal, seal.narrowest);
  }

  /** Every step of an attempt before this one is rolled up. */
  sealedUntil(key: AttemptKey): number {
    return this.#find(key)?.sealedUntil ?? 0;
  }

  /** The attempts of every run that has steps of this split. */
  attempts(split: v1.Split): AttemptExtent[] {
    return [...this.#attempts.values()]
      .filter((attempt) => attempt.split === split && attempt.progress.highest.size > 0)
      .map(({ run, attempt, progress }) => {
        const { sealedUntil: sealed, exponent = 0 } = progress;
        return { run, attempt, highest: largest(progress.highest.values()), sealed, exponent };
      });
  }

  /** The run has been deleted. */
  forget(run: string): void {
    for (const [key, attempt] of this.#attempts) if (attempt.run === run) this.#attempts.delete(key);
  }

  /**
   * What is complete with the steps of a batch.
   *
   * @param ends of attempts: nothing more is waited for, so that a run that is over is read from its rollups alone
   */
  plan(steps: readonly SentStep[], ends: readonly SentEnd[] = []): SealingPlan {
    const plan: SealingPlan = { tasks: [], seals: [] };
    const over = new Set(ends.flatMap(({ run, attempt }) => SPLITS.map((split) => keyOf({ run, split, attempt }))));
    const sent = grouped(steps);
    for (const [key, [first]] of sent) if (!this.#attempts.has(key)) this.#of(first!);
    for (const key of new Set([...sent.keys(), ...over])) {
      const attempt = this.#attempts.get(key);
      if (attempt !== undefined) this.#planAttempt(plan, attempt, sent.get(key) ?? [], over.has(key));
    }
    plan.tasks.sort((a, b) => a.width - b.width);
    return plan;
  }

  #planAttempt(plan: SealingPlan, attempt: Attempt, sent: readonly SentStep[], over: boolean): void {
    const { progress } = attempt;
    for (const { rank, step } of sent) progress.seen({ rank, first: step, last: step, steps: 1 });
    progress.decideFrom(over ? 1 : this.#every);
    if (progress.exponent === undefined) return;
    const touched = new Map<Block, number[]>();
    if (over) for (const block of progress.blocks.values()) touched.set(block, []);
    for (const { step } of sent) {
      const block = progress.blockOf(step);
      const late = touched.get(block) ?? [];
      touched.set(block, late);
      if (step < block.until) late.push(step);
    }
    for (const [block, late] of touched) this.#planBlock(plan, attempt, block, late, over);
    progress.trim();
  }

  #planBlock(plan: SealingPlan, attempt: Attempt, block: Block, late: readonly number[], over: boolean): void {
    const { run, split, attempt: number, progress } = attempt;
    const narrowest = progress.widths[0]!;
    const seal = { run, split, attempt: number, from: block.from, narrowest };
    const { size } = new Set(late.map((step) => Math.floor(step / narrowest)));
    if (size > FEW_BUCKETS && block.messagesIn(size, narrowest) > READ_AGAIN * late.length) {
      plan.seals.push({ ...seal, until: block.from });
      return;
    }
    let until = block.until;
    if (over || !block.disordered) {
      const complete = this.#completeUntil(attempt, block, over ? 1 : this.#every / WIDTHS[0]!);
      if (block.isWorthIt(complete, narrowest)) until = complete;
    }
    plan.tasks.push(...tasksOf(attempt, block, until, late));
    if (until > block.until) plan.seals.push({ ...seal, until });
  }

  /** The plan that makes up for rollups that are missing, as in a store of an earlier version, in pieces of bounded size. */
  *missing(): Generator<SealingPlan> {
    for (const attempt of this.#attempts.values()) {
      attempt.progress.decideFrom(this.#every);
      if (attempt.progress.exponent === undefined) continue;
      for (const block of attempt.progress.blocks.values()) yield* this.#missingOf(attempt, block);
    }
  }

  *#missingOf(attempt: Attempt, block: Block): Generator<SealingPlan> {
    const { run, split, attempt: number, progress } = attempt;
    const narrowest = progress.widths[0]!;
    const complete = this.#completeUntil(attempt, block, this.#every / WIDTHS[0]!);
    if (block.disordered || !block.isWorthIt(complete, narrowest)) return;
    const most = CATCH_UP * narrowest;
    while (block.until < complete) {
      const until = Math.min(complete, (Math.floor(block.until / most) + 1) * most);
      yield {
        tasks: tasksOf(attempt, block, until, []),
        seals: [{ run, split, attempt: number, from: block.from, until, narrowest }],
      };
      block.seal(until, narrowest);
    }
  }

  /** All steps of the block before it are there, or not waited for; a multiple of so many of the narrowest buckets. */
  #completeUntil({ run, progress }: Attempt, { until, highest }: Block, buckets: number): number {
    const narrowest = progress.widths[0]!;
    const steps = [...highest.values()];
    const slowest = steps.length < this.#ranksOf(run) ? -1 : smallest(steps);
    const complete = Math.max(slowest, largest(steps) - (MOST_STEPS_BEHIND * narrowest) / WIDTHS[0]!);
    const every = buckets * narrowest;
    return Math.max(until, Math.floor((complete + 1) / every) * every);
  }

  #find(key: AttemptKey): AttemptProgress | undefined {
    return this.#attempts.get(keyOf(key))?.progress;
  }

  #of({ run, split, attempt }: AttemptKey): AttemptProgress {
    const key = keyOf({ run, split, attempt });
    const known = this.#attempts.get(key) ?? { run, split, attempt, progress: new AttemptProgress() };
    this.#attempts.set(key, known);
    return known.progress;
  }
}

/** Buckets that become complete, and complete ones that a late step belongs to. */
function tasksOf(attempt: Attempt, block: Block, next: number, late: readonly number[]): RollupTask[] {
  const { run, split, attempt: number, progress } = attempt;
  const { exponent = 0, formerUntil } = progress;
  const [narrowest] = progress.widths as [number];
  const open = block.open && [...block.open.keys()].filter((bucket) => bucket * narrowest < next);
  const former = progress.formerUntil > 0 ? [formerTask(attempt, late)] : [];
  const tasks = progress.widths.map((width) => {
    const again = late.map((step) => Math.floor(step / width)).filter((bucket) => (bucket + 1) * width <= block.until);
    const [first, end] = [Math.floor(block.until / width), Math.floor(next / width)];
    // Where it is not known which buckets hold steps, the store is asked for all of them at once.
    const buckets = open === undefined ? [] : open.map((bucket) => Math.floor((bucket * narrowest) / width));
    const complete = [first, ...buckets].filter((bucket) => bucket >= first && bucket < end && next > block.until);
    const spans = spansOf(new Set([...again, ...complete]), width);
    if (open === undefined && first < end) spans.push({ from: first * width, until: end * width });
    return { run, split, attempt: number, exponent, formerUntil, width, spans: merged(spans) };
  });
  return [...former, ...tasks].filter(({ spans }) => spans.length > 0);
}

function formerTask({ run, split, attempt, progress: { formerUntil } }: Attempt, late: readonly number[]): RollupTask {
  const buckets = late.filter((step) => step < formerUntil).map((step) => Math.floor(step / FORMER_NARROWEST));
  return {
    run,
    split,
    attempt,
    exponent: 0,
    formerUntil,
    width: FORMER_NARROWEST,
    spans: spansOf(new Set(buckets), FORMER_NARROWEST),
  };
}

/** Buckets that follow each other, as one span. */
function spansOf(buckets: ReadonlySet<number>, width: number): Span[] {
  return merged([...buckets].map((bucket) => ({ from: bucket * width, until: (bucket + 1) * width })));
}

function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { from, until } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last.until) last.until = Math.max(last.until, until);
    else result.push({ from, until });
  }
  return result;
}

/** By attempt. */
function grouped(steps: readonly SentStep[]): Map<string, SentStep[]> {
  const groups = new Map<string, SentStep[]>();
  for (const step of steps) {
    const group = groups.get(keyOf(step));
    if (group === undefined) groups.set(keyOf(step), [step]);
    else group.push(step);
  }
  return groups;
}

function keyOf({ run, split, attempt }: AttemptKey): string {
  return `${run}/${split}/${attempt}`;
}

function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}
