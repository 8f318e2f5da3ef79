// What waits to be stored: a sender's next message, and whether it is taken.

import type { StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Messages, StreamMark } from "../store/writing/rows.ts";
import type { NumberMemory } from "./number-memory.ts";
import type { Refusal } from "./refusal.ts";
import type { Sender } from "./senders.ts";

/** The next message of a sender: to be stored, or refused. A refusal is stored with the others, because it too is told only once. */
export interface Entry {
  sender: Sender;
  sequence: number;
  /** Size of the message as it was received. */
  bytes: number;
  body: StepBody | { end: v1.RunEnd } | { refusal: Refusal };
}

export interface StepBody {
  step: v1.Step;
  /** Holds the step's numbers. */
  memory: NumberMemory;
  /** The step over the ranks that have arrived, once it is counted, those behind it in the batch included; `ranks` leaves these out. */
  sum?: StepSum;
}

/** A rejected message may be empty; what is kept of it is not. */
const ENTRY_BYTES = 512;

/** Bytes of memory that entries take. */
export function memoryOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes + ENTRY_BYTES, 0);
}

/** The rows of a batch are made of this; every step is counted. */
export function contentOf(entries: readonly Entry[]): Messages {
  return {
    steps: entries.flatMap(({ body }) => ("step" in body ? [{ message: body.step, sum: body.sum! }] : [])),
    ends: entries.flatMap(({ body }) => ("end" in body ? [body.end] : [])),
    streams: marksOf(entries),
  };
}

export function runsOf(entries: readonly Entry[]): Set<string> {
  return new Set(entries.map(({ sender }) => sender.run));
}

function marksOf(entries: readonly Entry[]): StreamMark[] {
  const marks = new Map<Sender, StreamMark>();
  for (const { sender, sequence, body } of entries) {
    const { run, rank, attempt } = sender;
    const mark = marks.get(sender) ?? { run, rank, attempt, sequence, rejected: 0, lastMessageAt: Date.now() };
    const rejected = mark.rejected + ("refusal" in body ? 1 : 0);
    marks.set(sender, { ...mark, sequence, rejected });
  }
  return [...marks.values()];
}
