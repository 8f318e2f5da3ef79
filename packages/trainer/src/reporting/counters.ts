// Numbers that the training thread and the reporting thread share without a message: counts, bytes, and the state.
import type { ReporterState } from "./reporter.ts";

const names = [
  "postedBytes",
  "takenBytes",
  "messages",
  "sent",
  "acknowledged",
  "spooledBytes",
  "rejected",
  "dropped",
  "state",
] as const;

const states: readonly ReporterState[] = ["connecting", "connected", "away", "refused", "closed", "failed"];

type Counter = Exclude<(typeof names)[number], "state">;

export class Counters {
  /** To be given to the other thread, which builds its own Counters on it. */
  readonly memory: SharedArrayBuffer;
  readonly #values: BigInt64Array;

  constructor(memory = new SharedArrayBuffer(names.length * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#values = new BigInt64Array(memory);
  }

  get(counter: Counter): number {
    return Number(Atomics.load(this.#values, names.indexOf(counter)));
  }

  set(counter: Counter, value: number): void {
    Atomics.store(this.#values, names.indexOf(counter), BigInt(value));
  }

  add(counter: Counter, amount: number): void {
    Atomics.add(this.#values, names.indexOf(counter), BigInt(amount));
  }

  get state(): ReporterState {
    return states[Number(Atomics.load(this.#values, names.indexOf("state")))]!;
  }

  set state(state: ReporterState) {
    Atomics.store(this.#values, names.indexOf("state"), BigInt(states.indexOf(state)));
  }
}
