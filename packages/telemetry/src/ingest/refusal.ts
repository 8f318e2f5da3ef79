// Why a message is not taken: the reason as it is sent back, and the words for it.
import { FURTHEST_TIME, type Limit, v1 } from "@moescope/proto";

export interface Refusal {
  reason: v1.Rejection.Reason;
  message: string;
}

/** Characters of a refusal's sentence, whatever of a sender's text is in it. */
const MOST_SAID = 700;

/** @returns the refusal as it is sent: its sentence is cut where it is long */
export function asSent({ reason, message }: Refusal): Refusal {
  return { reason, message: message.length > MOST_SAID ? `${message.slice(0, MOST_SAID)}…` : message };
}

export function malformed(message: string): Refusal {
  return { reason: v1.Rejection.Reason.MALFORMED, message };
}

export function firstRefusal<T>(items: readonly T[], check: (item: T) => Refusal | undefined): Refusal | undefined {
  for (const item of items) {
    const refusal = check(item);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** @returns the first value that is there a second time */
export function firstRepeated<T, Value>(items: readonly T[], read: (item: T) => Value): Value | undefined {
  if (ascends(items, read)) return undefined;
  const seen = new Set<Value>();
  for (const item of items) {
    const value = read(item);
    if (seen.has(value)) return value;
    seen.add(value);
  }
  return undefined;
}

/** Usually they do, which takes nothing to see: this runs for hundreds of histograms a step. */
function ascends<T, Value>(items: readonly T[], read: (item: T) => Value): boolean {
  for (let index = 1; index < items.length; index++) {
    if (!(read(items[index - 1]!) < read(items[index]!))) return false;
  }
  return true;
}

/** For a message that this program fails over: the fault is ours, and the message is not tried again. */
export function brokenBy(error: unknown): Refusal {
  const { name, message } = error instanceof Error ? error : { name: "error", message: String(error) };
  return malformed(
    `the collector cannot take this message, by a fault of its own (${name}: ${message}); its log has more`,
  );
}

/** Characters of a sender's text that a refusal repeats. */
const MOST_QUOTED = 140;
/** Items of a sender's list that a refusal repeats. */
const MOST_LISTED = 8;

/** @returns the text in quotes, cut where it is long; control characters are escaped */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MOST_QUOTED ? `${text.slice(0, MOST_QUOTED)}…` : text);
}

/** @returns for example `0, 1, 2, … 997 more` */
export function listed(items: Iterable<unknown>): string {
  const shown: unknown[] = [];
  let more = 0;
  for (const item of items) {
    if (shown.length < MOST_LISTED) shown.push(item);
    else more++;
  }
  return more === 0 ? shown.join(", ") : `${shown.join(", ")}, … ${more} more`;
}

/** 64-bit numbers arrive as JavaScript's, which are exact up to here. */
export const LARGEST_WHOLE = Number.MAX_SAFE_INTEGER;

/** @param numbers by the name of their field */
export function checkWholes(where: string, numbers: Record<string, number>): Refusal | undefined {
  for (const [name, value] of Object.entries(numbers)) {
    if (value <= LARGEST_WHOLE) continue;
    return malformed(`${where} ${name} is about ${value.toPrecision(4)}, but must be at most 2^53 - 1`);
  }
  return undefined;
}

/** @param least characters */
export function checkText(where: string, name: string, text: string, { most }: Limit, least = 0): Refusal | undefined {
  if (text.length >= least && text.length <= most) return undefined;
  const has = `${name} ${quoted(text)} has ${text.length} characters`;
  return malformed(`${where} ${has}, expected ${least === 0 ? "at most" : `${least} to`} ${most}`);
}

export function checkCount(where: string, what: string, count: number, { most }: Limit): Refusal | undefined {
  return count <= most ? undefined : malformed(`${where} ${count} ${what}, expected at most ${most}`);
}

export function checkTime(where: string, name: string, value: number): Refusal | undefined {
  if (Math.abs(value) <= FURTHEST_TIME) return undefined;
  return malformed(
    `${where} ${name} is ${value}, expected milliseconds since the Unix epoch, at most 8.64e15 away from it`,
  );
}
