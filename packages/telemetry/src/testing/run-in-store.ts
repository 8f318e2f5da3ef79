// A run written into a store and read from it, without a collector around it.

import { addRank, type StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { pino } from "pino";
import type { Database } from "../store/engine/database.ts";
import { shownAttempts } from "../store/reading/attempts.ts";
import { queryHistory } from "../store/reading/history.ts";
import { UNSEALED } from "../store/schema/pieces.ts";
import { Store } from "../store/store.ts";
import { asStored } from "../store/writing/gates.ts";
import { openDatabase } from "./store-kind.ts";

const log = pino({ level: "silent" });

export interface Asked {
  split?: v1.Split;
  from: number;
  to: number;
  points: number;
  attempts?: { attempt: number; firstStep: number }[];
}

export class RunInStore {
  readonly run: v1.RunDescription;
  readonly database: Database;
  store: Store;
  readonly #rollUpEvery: number;
  readonly #sums = new Map<string, StepSum>();

  private constructor(run: v1.RunDescription, database: Database, store: Store, rollUpEvery: number) {
    this.run = run;
    this.database = database;
    this.store = store;
    this.#rollUpEvery = rollUpEvery;
  }

  /** @param directory of the store, which may hold the run already */
  static async open(run: v1.RunDescription, directory: string, rollUpEvery = 32): Promise<RunInStore> {
    const database = await openDatabase(directory);
    const opened = new RunInStore(run, database, await openStore(database, rollUpEvery), rollUpEvery);
    await opened.store.writeDescriptions([{ description: run, attempt: 0 }]);
    await opened.#claim();
    return opened;
  }

  /** What a collector does that is started after this one. */
  async reopen(): Promise<void> {
    this.store = await openStore(this.database, this.#rollUpEvery);
    await this.#claim();
  }

  /** Stores one batch. */
  async write(messages: readonly v1.Step[], ends: v1.RunEnd[] = []): Promise<void> {
    const steps = messages.map((message) => ({ message, sum: this.#sumOf(message) }));
    const { run, rank, attempt } = messages[0]!;
    const mark = { run, rank, attempt, sequence: 1, rejected: 0, lastMessageAt: 1 };
    await this.store.write(this.store.layOut({ steps, ends, streams: [mark] }));
  }

  /** Messages come again, as those do that were stored without the mark of their batch. */
  forgetSums(): void {
    this.#sums.clear();
  }

  /** What history answers of all layers, with the help of rollups or from the steps alone. */
  async history(asked: Asked, from: "rollups" | "steps"): Promise<v1.StepBucket.$Properties[]> {
    const { id, moeLayers, ranks } = this.run;
    const { split = v1.Split.TRAIN, attempts = [{ attempt: 0, firstStep: 0 }], ...range } = asked;
    const { buckets } = await queryHistory(
      {
        ...{ run: id, split, layers: moeLayers, ranks, ...range },
        attempts: shownAttempts(attempts),
        sealed: (attempt) => (from === "steps" ? UNSEALED : this.store.sealed(id, split, attempt)),
        singleFrom: (attempt) => (from === "steps" ? 0 : this.store.singleFrom(id, attempt)),
        exists: this.store.existing(id),
      },
      this.database,
    );
    return buckets;
  }

  /** As a collector does, where others might store the run as well. */
  async #claim(): Promise<void> {
    const { id } = this.run;
    if (this.store.owns(id)) return;
    await this.store.claim(id, () => {});
    this.store.own(id);
  }

  #sumOf(message: v1.Step): StepSum {
    asStored(message);
    const key = `${message.split}/${message.attempt}/${message.step}`;
    const sum = addRank(message, this.#sums.get(key));
    this.#sums.set(key, sum);
    return sum;
  }
}

function openStore(database: Database, rollUpEvery: number): Promise<Store> {
  return Store.open(database, log, { rollUpEvery, durability: "os" });
}
