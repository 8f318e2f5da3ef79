// Brings the messages of a backup into a collector, each rank of each attempt over a stream of its own, with the numbers they had.
import type { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import { type Introduction, RunStream, type Target } from "./run-stream.ts";

export interface Restored {
  run: string;
  /** Messages of the backup, and those of them that the collector had already. */
  messages: number;
  heldBefore: number;
}

/**
 * What the collector has already is not sent again, so a restore that broke off goes on when it is repeated.
 *
 * @throws Failure when the backup is none, or the collector refuses a message
 */
export async function restoreRun(target: Target, messages: AsyncIterable<v1.ReportRequest>): Promise<Restored> {
  const senders = new Map<string, RankSender>();
  let introduction: Introduction | undefined;
  const restored = { run: "", messages: 0, heldBefore: 0 };
  try {
    for await (const { hello, step, end } of messages) {
      introduction ??= introductionIn(hello);
      const message = step ?? end;
      if (message === null || message === undefined) continue;
      const sender = await senderOf(message as v1.Step, introduction, senders, target);
      const sent = await sender.send(message.sequence!, step ? { step } : { end: end! });
      restored.messages++;
      if (!sent) restored.heldBefore++;
    }
    for (const sender of senders.values()) await sender.stream.settle();
  } finally {
    for (const sender of senders.values()) sender.stream.close();
  }
  return { ...restored, run: introduction?.run.id ?? "" };
}

function introductionIn(hello: v1.ReportRequest["hello"]): Introduction {
  if (hello?.run) {
    return { run: hello.run as v1.RunDescription, ...(hello.annotation && { annotation: hello.annotation }) };
  }
  throw new Failure("The backup does not begin with the description of a run");
}

async function senderOf(
  { rank, attempt }: Pick<v1.Step, "rank" | "attempt">,
  introduction: Introduction,
  senders: Map<string, RankSender>,
  target: Target,
): Promise<RankSender> {
  const key = `${attempt}/${rank}`;
  const known = senders.get(key);
  if (known !== undefined) return known;
  const sender = await RankSender.open(target, introduction, rank, attempt);
  senders.set(key, sender);
  return sender;
}

type Sent = Parameters<RunStream["send"]>[1];

class RankSender {
  readonly stream: RunStream;
  readonly #hello: () => Promise<number>;
  #last: number;

  private constructor(stream: RunStream, hello: () => Promise<number>, held: number) {
    this.stream = stream;
    this.#hello = hello;
    this.#last = held;
  }

  static async open(target: Target, introduction: Introduction, rank: number, attempt: number): Promise<RankSender> {
    const stream = new RunStream(target);
    const hello = () => stream.hello(introduction, rank, attempt);
    return new RankSender(stream, hello, await hello());
  }

  /** @returns whether it was sent: not when the collector has it */
  async send(sequence: number, message: Sent): Promise<boolean> {
    if (sequence <= this.#last) return false;
    // A message between them was rejected once. After a Hello the next number may be any.
    if (sequence > this.#last + 1) await this.#hello();
    await this.stream.send(sequence, message);
    this.#last = sequence;
    return true;
  }
}
