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
export function firstRepeated<T>(values: readonly T[]): T | undefined {
  // Usually they ascend, which takes no set to see.
  if (values.every((value, index) => index === 0 || values[index - 1]! < value)) return undefined;
  if (new Set(values).size === values.length) return undefined;
  return values.find((value, index) => values.indexOf(value) !== index);
}
