// Keeps a run as it trains: decides when, and has a thread of its own write what the training thread reads back.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type CheckpointRecord, checkpointFormat } from "./checkpoint.ts";
import type { NamedArray } from "./named-array.ts";
import type { Snapshot } from "./write-checkpoint.ts";

// Always the built file, from the sources under test too: Node 20 does not run TypeScript.
const script = new URL("../../dist/checkpoint/checkpoint-worker.js", import.meta.url);

export interface CheckpointWriterOptions {
  /** Of this one run. */
  folder: string;
  /** Steps between checkpoints, besides the one at the end. */
  every: number;
  /** How many are kept, besides the one at the end. */
  kept: number;
  /** What stays the same in every record of this attempt. */
  about: Omit<CheckpointRecord, "format" | "step" | "tokens" | "writtenAt" | "files">;
  /** Updates made before this attempt, after which there is nothing new to keep. */
  firstStep: number;
  /** Told in one line when a checkpoint cannot be written; training goes on. */
  notice: (line: string) => void;
}

/** What the thread is asked to do, and what it answers. */
export interface WriteOrder {
  folder: string;
  snapshot: Snapshot;
  /** Checkpoints that are left afterwards, this one included. */
  kept: number;
}
export interface WriteAnswer {
  /** The checkpoint; absent when it could not be written. */
  path?: string;
  /** Why it could not be written, or an old one not removed. */
  error?: string;
}

/**
 * At most one checkpoint is on its way to the disk: the next one waits for it, and training with it. Between the two, what is written
 * belongs to the thread; the training thread pays for the read-back alone.
 */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  #worker: Worker | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #keptSteps: number;
  #path: string | undefined;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#keptSteps = options.firstStep;
  }

  /** Reads the state back when a checkpoint is due after so many updates. Resolves when it may change again. */
  async afterStep(steps: number, state: () => NamedArray[]): Promise<void> {
    const { every, kept } = this.#options;
    if (steps % every === 0) await this.#write(steps, state, kept);
  }

  /** The same at the end of the run, unless these updates are kept already. */
  async afterLastStep(steps: number, state: () => NamedArray[]): Promise<void> {
    await this.#underWay;
    if (steps !== this.#keptSteps) await this.#write(steps, state, this.#options.kept + 1);
  }

  /** @returns the newest checkpoint that was written */
  async close(): Promise<string | undefined> {
    await this.#underWay;
    await this.#worker?.terminate();
    return this.#path;
  }

  async #write(steps: number, state: () => NamedArray[], kept: number): Promise<void> {
    await this.#underWay;
    const snapshot = { record: this.#recordAt(steps), state: state() };
    this.#underWay = this.#hand({ folder: this.#options.folder, snapshot, kept }).then(({ path, error }) => {
      const what = path === undefined ? `The checkpoint of step ${steps} could not be written` : "Old checkpoints stay";
      if (error !== undefined) this.#options.notice(`${what}, training goes on: ${error}`);
      if (path === undefined) return;
      this.#keptSteps = steps;
      this.#path = path;
    });
  }

  #recordAt(step: number): Snapshot["record"] {
    const { about } = this.#options;
    const { batch, sequence } = about.configuration.data;
    return { format: checkpointFormat, ...about, step, tokens: step * batch * sequence, writtenAt: Date.now() };
  }

  async #hand(order: WriteOrder): Promise<WriteAnswer> {
    this.#worker ??= new Worker(script, { execArgv: [] });
    const values = order.snapshot.state.map((array) => array.values.buffer as ArrayBuffer);
    this.#worker.postMessage(order, values);
    try {
      const [answer] = await once(this.#worker, "message");
      return answer;
    } catch (error) {
      this.#worker = undefined; // ended by the error; the next checkpoint gets another
      return { error: (error as Error).message };
    }
  }
}
