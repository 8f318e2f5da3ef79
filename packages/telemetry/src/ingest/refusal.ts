// Why a message is not taken: the reason as it is sent back, and the words for it.
import { v1 } from "@moescope/proto";

export interface Refusal {
  reason: v1.Rejection.Reason;
  message: string;
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
  const values = items.map(read);
  if (new Set(values).size === values.length) return undefined;
  return values.find((value, index) => values.indexOf(value) !== index);
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
