// Adds up the ranks of a step as they arrive, in any order: sums of recent steps in memory, older ones from the store.
import { addRank, busiestExperts, type StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { asNumber, DATABASE } from "../store/engine/database.ts";
import { queryHistoryForWriter } from "../store/reading/history.ts";
import type { Runs } from "../store/runs/runs.ts";
import { UNSEALED } from "../store/schema/pieces.ts";
import type { Store } from "../store/store.ts";
import { numbersIn } from "../store/writing/bucket-size.ts";
import type { NumberMemory } from "./number-memory.ts";

/** Sums kept in memory, counted in numbers held (8 bytes each). Beyond it a late rank costs a query. */
const MAX_NUMBERS = 8_000_000;

export class RankSums {
  readonly #store: Store;
  readonly #runs: Runs;
  readonly #recent = new Map<string, StepSum>();
  #numbers = 0;

  constructor(store: Store, runs: Runs) {
    this.#store = store;
    this.#runs = runs;
  }

  get tooMany(): boolean {
    return this.#numbers > MAX_NUMBERS;
  }

  /** Call it between batches only: what is forgotten here must be in the store. */
  forgetOldest(): void {
    for (const [key, sum] of this.#recent) {
      if (!this.tooMany) return;
      this.#forget(key, sum);
    }
  }

  /**
   * @param memory of the message: the sum may have its loads in it
   * @returns the step added up over the ranks that have arrived, this one included
   */
  async add(message: v1.Step, memory: NumberMemory): Promise<StepSum> {
    const { ranks } = this.#runs.description(message.run)!;
    const room = (experts: number) => memory.float64s(experts);
    if (ranks === 1) return addRank(message, undefined, room);
    const key = [message.run, message.attempt, message.split, message.step].join("/");
    const before = this.#recent.get(key) ?? (await this.#fromStore(message));
    const sum = addRank(message, before, room);
    this.#forget(key, before);
    if (sum.ranks < ranks) {
      this.#recent.set(key, sum);
      this.#numbers += numbersIn(sum.bucket);
    }
    return sum;
  }

  /** The run has been deleted. */
  forgetRun(run: string): void {
    for (const [key, sum] of this.#recent) if (sum.bucket.run === run) this.#forget(key, sum);
  }

  #forget(key: string, sum: StepSum | undefined): void {
    if (sum !== undefined && this.#recent.delete(key)) this.#numbers -= numbersIn(sum.bucket);
  }

  async #fromStore(message: v1.Step): Promise<StepSum | undefined> {
    const { run, split, attempt, step } = message;
    if (step > this.#store.highestStep(run, split, attempt)) return undefined;
    return storedSum(message, this.#store, this.#runs);
  }
}

/** What the store holds of a step, as the sum over its ranks; undefined when it holds none. */
async function storedSum(
  { run, split, step, attempt }: v1.Step,
  store: Store,
  runs: Runs,
): Promise<StepSum | undefined> {
  const { moeLayers, ranks } = runs.description(run)!;
  const [row] = await store.database.rowsForWriter(
    `SELECT uniqExact(rank), (minMap(names, arrayMap(name -> rank, names)) AS lowest).1, lowest.2
     FROM (SELECT rank, arrayFilter((name, value) -> NOT isNaN(value), scalar_names, scalar_values) AS names FROM ${DATABASE}.steps
       WHERE run = {run:String} AND split = {split:Int8} AND step = {step:UInt64} AND attempt = {attempt:UInt32} AND ${store.existing(run)})`,
    { run, split, step, attempt },
  );
  const arrived = asNumber(row![0]);
  if (arrived === 0) return undefined;
  const [names, lowestRanks] = row!.slice(1) as [string[], unknown[]];
  const attempts = [{ attempt, from: step, before: step + 1 }];
  const stages = { sealed: () => UNSEALED, singleFrom: () => 0 };
  const range = { run, split, from: step, to: step, points: 1, layers: moeLayers, attempts, ...stages, ranks };
  const { buckets } = await queryHistoryForWriter({ ...range, exists: store.existing(run) }, store.database);
  const bucket = buckets[0]!;
  const scalars = new Map(names.map((name, index) => [name, asNumber(lowestRanks[index])]));
  // Which rank a bias came from is not stored.
  return { ranks: arrived, bucket, busiest: busiestExperts(bucket), shown: { scalars, biases: new Map() } };
}
