// The senders a collector knows: one for each run, rank and attempt, over all the streams it opens one after another.
import type { StreamMark } from "../store/writing/rows.ts";
import type { Refusal } from "./refusal.ts";
import { ScalarNames } from "./scalar-names.ts";

export interface Sender {
  readonly run: string;
  readonly rank: number;
  readonly attempt: number;
  /** Highest sequence number taken in, and the highest that is stored or rejected for good. */
  received: number;
  durable: number;
  /** The stream it is connected by now. */
  reply: Reply | undefined;
  /** Another collector takes in what it sends; what was received here and is not being stored never will be. */
  dismissed: boolean;
}

/** The way back to a sender. */
export interface Reply {
  acknowledge(sender: Sender): void;
  reject(of: Pick<Sender, "run" | "rank" | "attempt">, sequence: number, refusal: Refusal): void;
  /** Ends the stream because the same sender has opened another. */
  replaced(): void;
  /** Ends the stream because another collector has taken the run over. */
  dismissed(): void;
}

/** What is kept of a run for all its senders. */
interface SendersOfRun {
  /** By attempt and rank. */
  senders: Map<string, Sender>;
  /** Absent until they have been read from the store. */
  scalarNames?: ScalarNames;
}

export class Senders {
  readonly #runs = new Map<string, SendersOfRun>();

  /** @param stored how far each stream is stored */
  constructor(stored: readonly StreamMark[]) {
    this.#remember(stored);
  }

  /** Connects a sender to the stream it has opened; an earlier stream of it is ended. */
  connect(run: string, rank: number, attempt: number, reply: Reply): Sender {
    const sender =
      this.#runs.get(run)?.senders.get(keyOf({ rank, attempt })) ??
      this.#add({ run, rank, attempt, received: 0, durable: 0, reply: undefined, dismissed: false });
    if (sender.reply !== undefined && sender.reply !== reply) sender.reply.replaced();
    sender.reply = reply;
    return sender;
  }

  /** Names of the run's scalars; undefined until `rememberScalars` has told of those in the store. */
  scalarNames(run: string): ScalarNames | undefined {
    return this.#runs.get(run)?.scalarNames;
  }

  /** @param stored names that scalars of the run have in the store */
  rememberScalars(run: string, stored: Iterable<string>): void {
    this.#ofRun(run).scalarNames ??= new ScalarNames(stored);
  }

  /** The run has been deleted: whoever sends it again begins with number 1. */
  forget(run: string): void {
    this.#runs.delete(run);
  }

  /** This collector has taken a run over. @param stored how far each of its streams is stored */
  restore(run: string, stored: readonly StreamMark[]): void {
    this.dismiss(run);
    this.#remember(stored);
  }

  /** Another collector has taken a run over. @returns whether it has senders here */
  dismiss(run: string): boolean {
    const { senders } = this.#ofRun(run);
    for (const sender of senders.values()) {
      sender.dismissed = true;
      sender.reply?.dismissed();
    }
    this.forget(run);
    return senders.size > 0;
  }

  #remember(stored: readonly StreamMark[]): void {
    for (const { run, rank, attempt, sequence } of stored) {
      this.#add({ run, rank, attempt, received: sequence, durable: sequence, reply: undefined, dismissed: false });
    }
  }

  #add(sender: Sender): Sender {
    this.#ofRun(sender.run).senders.set(keyOf(sender), sender);
    return sender;
  }

  #ofRun(run: string): SendersOfRun {
    const known = this.#runs.get(run);
    if (known !== undefined) return known;
    const added = { senders: new Map<string, Sender>() };
    this.#runs.set(run, added);
    return added;
  }
}

function keyOf({ rank, attempt }: Pick<Sender, "rank" | "attempt">): string {
  return `${attempt}/${rank}`;
}
