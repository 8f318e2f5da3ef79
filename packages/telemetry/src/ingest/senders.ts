// The senders a collector knows: one for each run, rank and attempt, over all the streams it opens one after another.
import type { StreamMark } from "../store/writing/rows.ts";
import type { Refusal } from "./refusal.ts";

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

export class Senders {
  readonly #senders = new Map<string, Sender>();

  /** @param stored how far each stream is stored */
  constructor(stored: StreamMark[]) {
    this.#remember(stored);
  }

  /** Connects a sender to the stream it has opened; an earlier stream of it is ended. */
  connect(run: string, rank: number, attempt: number, reply: Reply): Sender {
    const sender =
      this.#senders.get(keyOf({ run, rank, attempt })) ??
      this.#add({ run, rank, attempt, received: 0, durable: 0, reply: undefined, dismissed: false });
    if (sender.reply !== undefined && sender.reply !== reply) sender.reply.replaced();
    sender.reply = reply;
    return sender;
  }

  /** The run has been deleted: whoever sends it again begins anew. */
  forget(run: string): void {
    for (const [key, sender] of this.#senders) if (sender.run === run) this.#senders.delete(key);
  }

  /** This collector has taken a run over. @param stored how far each of its streams is stored */
  restore(run: string, stored: readonly StreamMark[]): void {
    this.dismiss(run);
    this.#remember(stored);
  }

  /** Another collector has taken a run over. @returns whether it has senders here */
  dismiss(run: string): boolean {
    const ofRun = [...this.#senders.values()].filter((sender) => sender.run === run);
    for (const sender of ofRun) {
      sender.dismissed = true;
      sender.reply?.dismissed();
    }
    this.forget(run);
    return ofRun.length > 0;
  }

  #remember(stored: readonly StreamMark[]): void {
    for (const { run, rank, attempt, sequence } of stored) {
      this.#add({ run, rank, attempt, received: sequence, durable: sequence, reply: undefined, dismissed: false });
    }
  }

  #add(sender: Sender): Sender {
    this.#senders.set(keyOf(sender), sender);
    return sender;
  }
}

function keyOf({ run, rank, attempt }: Pick<Sender, "run" | "rank" | "attempt">): string {
  return `${run}/${rank}/${attempt}`;
}
