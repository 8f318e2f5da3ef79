// How far an attempt has got, and which of its steps are rolled up: block by block, so that a step with an odd number, far from the
// others, changes nothing for them.
import {
  blockWidth,
  FORMER_NARROWEST,
  LARGEST_EXPONENT,
  type Sealed,
  type Span,
  WIDTHS,
  widthsOf,
} from "../schema/pieces.ts";

/** Steps that a bucket of the narrowest width must hold on average: sparser ones are read faster one by one. */
const LEAST_IN_BUCKET = 8;
/** Buckets that a block may have open: where more are, steps come in no order. */
const MOST_OPEN_BUCKETS = 2048;
/** Blocks of an attempt that are remembered although nothing in them is rolled up. */
const MOST_OPEN_BLOCKS = 1024;
/** Spans that readers are told of: the longest. */
const MOST_SPANS = 1000;

/** Steps of a rank, and how many they are. */
export interface RankSteps {
  rank: number;
  first: number;
  last: number;
  steps: number;
}

/** Steps in which every rollup that ends at or before `until` exists. */
export class Block {
  readonly from: number;
  until: number;
  /** The highest step of each rank. */
  readonly highest = new Map<number, number>();
  /** Messages in each bucket of the narrowest width that is not rolled up; undefined when it is not known, as after a restart. */
  open: Map<number, number> | undefined = new Map();
  /** Steps come in no order: no more is rolled up before the attempt ends. */
  disordered = false;
  /** Whether all steps that the store has in it were seen. */
  readonly known: boolean;
  #messages = 0;

  constructor(from: number, known: boolean) {
    this.from = from;
    this.until = from;
    this.known = known;
    if (!known) this.open = undefined;
  }

  seen({ rank, last, steps }: RankSteps, narrowest: number): void {
    this.highest.set(rank, Math.max(last, this.highest.get(rank) ?? -1));
    this.#messages += steps;
    // More than one comes from the store: which they are is not known.
    if (steps > 1) this.open = undefined;
    if (this.open === undefined || last < this.until) return;
    const bucket = Math.floor(last / narrowest);
    this.open.set(bucket, (this.open.get(bucket) ?? 0) + 1);
    if (this.open.size > MOST_OPEN_BUCKETS) this.#disorder();
  }

  seal(until: number, narrowest: number): void {
    this.until = until;
    for (const bucket of this.open?.keys() ?? []) if (bucket * narrowest < until) this.open!.delete(bucket);
  }

  /** Its rollups are not to be read any more. */
  unseal(): void {
    this.until = this.from;
    this.#disorder();
  }

  #disorder(): void {
    this.open = undefined;
    this.disordered = true;
  }

  get isSealed(): boolean {
    return this.until > this.from;
  }

  /** Whether it holds steps that are not rolled up. */
  get hasOpen(): boolean {
    return this.open === undefined ? largest(this.highest.values()) >= this.until : this.open.size > 0;
  }

  /** Messages that are read again when so many of its buckets are rolled up again, about. */
  messagesIn(buckets: number, narrowest: number): number {
    return (buckets * this.#messages * narrowest) / (this.until - this.from);
  }

  /** Whether the steps up to there are worth rollups. */
  isWorthIt(before: number, narrowest: number): boolean {
    const ranks = this.highest.size;
    if (this.open === undefined) {
      return this.#messages >= (LEAST_IN_BUCKET * ranks * (before - this.from)) / narrowest;
    }
    const counts = [...this.open].filter(([bucket]) => bucket * narrowest < before).map(([, count]) => count);
    const messages = counts.reduce((sum, count) => sum + count, 0);
    return messages > 0 && messages >= LEAST_IN_BUCKET * ranks * counts.length;
  }
}

/** One split of one attempt. */
export class AttemptProgress {
  formerUntil = 0;
  /** No rollup was made twice. */
  once = true;
  /** The highest step of each rank. */
  readonly highest = new Map<number, number>();
  readonly blocks = new Map<number, Block>();
  readonly #openBlocks = new Set<number>();
  /** Of what is known before the exponent is. */
  #early: RankSteps[] = [];
  #exponent: number | undefined;
  #forgotten = false;

  /** Steps are about 2^exponent apart; undefined until enough are there to tell. */
  get exponent(): number | undefined {
    return this.#exponent;
  }

  get widths(): readonly number[] {
    return widthsOf(this.#exponent ?? 0);
  }

  seen(steps: RankSteps): void {
    this.highest.set(steps.rank, Math.max(steps.last, this.highest.get(steps.rank) ?? -1));
    if (this.#exponent === undefined) this.#early.push(steps);
    else this.blockOf(steps.last).seen(steps, this.widths[0]!);
  }

  /** Decides how wide rollups are, once so many messages are there. */
  decideFrom(messages: number): void {
    if (this.#exponent !== undefined) return;
    const known = this.#early.reduce((sum, { steps }) => sum + steps, 0);
    if (known > 0 && known >= messages) this.#decide(exponentOf(this.#early));
  }

  #decide(exponent: number): void {
    this.#exponent = exponent;
    for (const steps of this.#early.splice(0)) this.seen(steps);
  }

  /** Rollups in this span exist; none, where it is empty. @param narrowest their width */
  seal({ from, until }: Span, narrowest: number): void {
    if (narrowest === FORMER_NARROWEST) this.formerUntil = Math.max(this.formerUntil, until);
    if (this.#exponent === undefined) this.#decide(Math.max(0, Math.round(Math.log2(narrowest / WIDTHS[0]!))));
    if (until === from) {
      this.blockOf(from).unseal();
      return;
    }
    // Stores of earlier versions have one span for all blocks.
    const width = blockWidth(this.#exponent!);
    for (let begin = from; begin < until; begin += width) {
      this.blockOf(begin).seal(Math.min(until, begin + width), this.widths[0]!);
      this.#openBlocks.delete(this.#numberOf(begin));
    }
  }

  /** @returns the highest step in the block of this one, −1 when it has none; the highest possible when that is not known any more */
  highestNear(step: number): number {
    if (this.#exponent === undefined) return largest(this.#early.map(({ last }) => last));
    const block = this.blocks.get(this.#numberOf(step));
    if (block?.known ?? !this.#forgotten) return largest(block?.highest.values() ?? []);
    return Number.MAX_SAFE_INTEGER;
  }

  sealed(): Sealed {
    const spans: Span[] = [];
    for (const { from, until, isSealed } of this.#sorted()) {
      const last = spans.at(-1);
      if (!isSealed) continue;
      if (last?.until === from) last.until = until;
      else spans.push({ from, until });
    }
    return { spans: longest(spans), exponent: this.#exponent ?? 0, formerUntil: this.formerUntil, once: this.once };
  }

  /** Every step before it is rolled up. */
  get sealedUntil(): number {
    let until = 0;
    if (this.#forgotten || this.#early.length > 0) return until;
    for (const block of this.#sorted()) {
      if (block.hasOpen) return block.isSealed ? block.until : until;
      until = block.until;
    }
    return until;
  }

  blockOf(step: number): Block {
    const number = this.#numberOf(step);
    const known = this.blocks.get(number);
    if (known !== undefined) return known;
    const block = new Block(number * blockWidth(this.#exponent!), !this.#forgotten);
    this.blocks.set(number, block);
    this.#openBlocks.add(number);
    return block;
  }

  /** Forgets the oldest of the blocks in which nothing is rolled up, where there are very many. */
  trim(): void {
    for (const number of this.#openBlocks) {
      if (this.#openBlocks.size <= MOST_OPEN_BLOCKS) return;
      this.#openBlocks.delete(number);
      this.blocks.delete(number);
      this.#forgotten = true;
    }
  }

  #numberOf(step: number): number {
    return Math.floor(step / blockWidth(this.#exponent!));
  }

  #sorted(): Block[] {
    return [...this.blocks.values()].sort((a, b) => a.from - b.from);
  }
}

/** How far apart steps are: half of them at least 2^exponent, half of them less than twice that. */
function exponentOf(known: readonly RankSteps[]): number {
  const { first, last, steps } = known.reduce((most, next) => (next.steps > most.steps ? next : most));
  const gap = steps > 1 ? (last - first) / (steps - 1) : medianGap(known.map((one) => one.last));
  return Math.min(LARGEST_EXPONENT, Math.max(0, Math.floor(Math.log2(Math.max(1, gap)))));
}

function medianGap(steps: readonly number[]): number {
  const sorted = [...new Set(steps)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((step, index) => step - sorted[index]!);
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1;
}

export function largest(values: Iterable<number>): number {
  let most = -1;
  for (const value of values) if (value > most) most = value;
  return most;
}

function longest(spans: Span[]): Span[] {
  if (spans.length <= MOST_SPANS) return spans;
  const byLength = [...spans].sort((a, b) => b.until - b.from - (a.until - a.from));
  return byLength.slice(0, MOST_SPANS).sort((a, b) => a.from - b.from);
}
