// Which buckets of steps are complete and can be rolled up, and which must be rolled up again because a step arrived late.
import { v1 } from "@moescope/proto";
import { FORMER_NARROWEST, type Sealed, UNSEALED, WIDTHS } from "../schema/pieces.ts";

/** Buckets of one attempt, `width` steps wide each, from step `from` to step `before − 1`. */
export interface RollupTask {
  run: string;
  split: v1.Split;
  attempt: number;
  width: number;
  from: number;
  before: number;
}

/** Every bucket of an attempt that ends at or before step `until` is rolled up. */
export interface Seal {
  run: string;
  split: v1.Split;
  attempt: number;
  until: number;
}

/** What a batch makes complete. Narrow buckets come first: the wider are made of them. */
export interface SealingPlan {
  tasks: RollupTask[];
  seals: Seal[];
}

type SentStep = Pick<v1.Step, "run" | "split" | "attempt" | "rank" | "step">;
type SentEnd = Pick<v1.RunEnd, "run" | "attempt">;

const SPLITS = [v1.Split.TRAIN, v1.Split.EVAL, v1.Split.PROBE, v1.Split.ROLLOUT];

/** A rank that is this many steps behind the first is not waited for; what it sends is rolled up anew. */
const MOST_STEPS_BEHIND = 1024;

interface Progress extends Seal, Sealed {
  /** The highest step of each rank. */
  highest: Map<number, number>;
}

export class Sealing {
  readonly #attempts = new Map<string, Progress>();
  readonly #ranksOf: (run: string) => number;
  readonly #every: number;
  readonly #alone: boolean;

  /**
   * @param ranksOf how many ranks a run has
   * @param every steps that are rolled up together, a multiple of the narrowest width
   * @param alone whether nobody else makes rollups
   */
  constructor(ranksOf: (run: string) => number, every: number, alone = true) {
    this.#ranksOf = ranksOf;
    this.#every = every;
    this.#alone = alone;
  }

  sealed(run: string, split: v1.Split, attempt: number): Sealed {
    const { until, formerUntil, once } = this.#attempts.get(keyOf({ run, split, attempt })) ?? UNSEALED;
    return { until, formerUntil, once: once && this.#alone };
  }

  /** Rollups of the attempt may be there twice; to be told before the second can be read. */
  doubt({ run, split, attempt }: Omit<Seal, "until">): void {
    this.#of({ run, split, attempt }).once = false;
  }

  /** The highest step of an attempt that any rank has sent; −1 when none has. */
  highest(run: string, split: v1.Split, attempt: number): number {
    return Math.max(-1, ...(this.#attempts.get(keyOf({ run, split, attempt }))?.highest.values() ?? []));
  }

  /** Takes in what the store holds: the highest step of a rank. */
  seen({ run, split, attempt, rank, step }: SentStep): void {
    const progress = this.#of({ run, split, attempt });
    progress.highest.set(rank, Math.max(step, progress.highest.get(rank) ?? -1));
  }

  /** Rollups up to there exist, from now on. @param narrowest their width */
  seal(seal: Seal, narrowest = WIDTHS[0]!): void {
    const progress = this.#of(seal);
    progress.until = seal.until;
    if (narrowest === FORMER_NARROWEST) progress.formerUntil = Math.max(progress.formerUntil, seal.until);
  }

  /** The attempts of every run that has steps of this split: their highest step, and up to where they are rolled up. */
  attempts(split: v1.Split): { run: string; attempt: number; highest: number; sealed: number }[] {
    return [...this.#attempts.values()]
      .filter((progress) => progress.split === split && progress.highest.size > 0)
      .map(({ run, attempt, highest, until }) => ({
        run,
        attempt,
        highest: Math.max(...highest.values()),
        sealed: until,
      }));
  }

  /** The run has been deleted. */
  forget(run: string): void {
    for (const [key, progress] of this.#attempts) if (progress.run === run) this.#attempts.delete(key);
  }

  /**
   * What is complete once the steps are stored; nothing changes before `seen` and `seal` are told.
   *
   * @param ends of attempts: nothing more is waited for, so that a run that is over is read from its rollups alone
   */
  plan(steps: readonly SentStep[], ends: readonly SentEnd[] = []): SealingPlan {
    const plan: SealingPlan = { tasks: [], seals: [] };
    const groups = grouped(steps);
    const over = new Set(ends.flatMap(({ run, attempt }) => SPLITS.map((split) => keyOf({ run, split, attempt }))));
    for (const key of new Set([...groups.keys(), ...over])) {
      const sent = groups.get(key) ?? [];
      const progress = sent[0] === undefined ? this.#attempts.get(key) : this.#of(sent[0]);
      if (progress === undefined) continue;
      const { run, split, attempt } = progress;
      const until = this.#completeUntil(progress, sent, over.has(key) ? WIDTHS[0]! : this.#every);
      plan.tasks.push(...tasksOf(progress, until, sent));
      if (until > progress.until) plan.seals.push({ run, split, attempt, until });
    }
    plan.tasks.sort((a, b) => a.width - b.width);
    return plan;
  }

  /** The plan that makes up for rollups that are missing, as in a store of an earlier version, in pieces of bounded size. */
  *missing(): Generator<SealingPlan> {
    for (const progress of this.#attempts.values()) {
      const complete = this.#completeUntil(progress, [], this.#every);
      while (progress.until < complete) {
        const until = Math.min(complete, (Math.floor(progress.until / CATCH_UP) + 1) * CATCH_UP);
        const tasks = tasksOf(progress, until, []);
        yield { tasks, seals: [{ ...progress, until }] };
        progress.until = until;
      }
    }
  }

  /** All steps before it are there, or not waited for; a multiple of the steps that are rolled up together, `every`. */
  #completeUntil({ run, highest, until }: Progress, sent: readonly SentStep[], every: number): number {
    const reached = new Map(highest);
    for (const { rank, step } of sent) reached.set(rank, Math.max(step, reached.get(rank) ?? -1));
    const steps = [...reached.values()];
    const slowest = steps.length < this.#ranksOf(run) ? -1 : Math.min(...steps);
    const complete = Math.max(slowest, Math.max(...steps) - MOST_STEPS_BEHIND);
    return Math.max(until, Math.floor((complete + 1) / every) * every);
  }

  #of({ run, split, attempt }: Omit<Seal, "until">): Progress {
    const key = keyOf({ run, split, attempt });
    const known = this.#attempts.get(key) ?? { run, split, attempt, ...UNSEALED, highest: new Map() };
    this.#attempts.set(key, known);
    return known;
  }
}

/** Steps rolled up at once when much is missing. */
const CATCH_UP = 4096;

/** Buckets that become complete, and complete ones that a late step belongs to. */
function tasksOf(progress: Progress, next: number, sent: readonly SentStep[]): RollupTask[] {
  const { run, split, attempt, until, formerUntil } = progress;
  const late = sent.map(({ step }) => step).filter((step) => step < until);
  const widths = formerUntil > 0 ? [FORMER_NARROWEST, ...WIDTHS] : WIDTHS;
  return widths.flatMap((width) => {
    const [begin, end] = width === FORMER_NARROWEST ? [formerUntil, formerUntil] : [until, next];
    const [sealed, sealedNext] = [Math.floor(begin / width), Math.floor(end / width)];
    const again = late.map((step) => Math.floor(step / width)).filter((bucket) => bucket < sealed);
    const buckets = [...again, ...Array.from({ length: sealedNext - sealed }, (_, index) => sealed + index)];
    return runsOf(buckets).map(([first, last]) => {
      return { run, split, attempt, width, from: first * width, before: (last + 1) * width };
    });
  });
}

/** Numbers that follow each other, as first and last of each run. */
function runsOf(numbers: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
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

function keyOf({ run, split, attempt }: Omit<Seal, "until">): string {
  return `${run}/${split}/${attempt}`;
}
