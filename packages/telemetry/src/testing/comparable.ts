// Buckets to be compared with others that were added up in another order.
import { v1 } from "@moescope/proto";
import { expect } from "vitest";

/** Sums of floating-point numbers depend on the order they are added up in: to twelve digits, and without the classes of messages. */
export function comparable(buckets: readonly v1.StepBucket.$Properties[]): unknown {
  const { buckets: plain } = v1.History.toObject(v1.History.create({ buckets: [...buckets] }), {
    defaults: true,
    arrays: true,
  });
  return JSON.parse(JSON.stringify(plain, (_, item) => (typeof item === "number" ? rounded(item) : item)));
}

/** What the store keeps of a bucket. */
export function asStored(bucket: v1.StepBucket.$Properties): v1.StepBucket.$Properties {
  const notKept = { gateMass: [], meanProbability: [], probabilityTokens: 0 };
  return { ...bucket, layers: bucket.layers?.map((layer) => ({ ...layer, ...notKept })) ?? [] };
}

/** JSON knows no NaN, and no infinity. */
function rounded(number: number): number | string {
  return Number.isFinite(number) ? Number(number.toPrecision(12)) : String(number);
}

/** What `comparable` gives of equal buckets, with numbers that are kept to 24 bits as near as those are. */
export function about(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? value : expect.closeTo(value, 6);
  if (Array.isArray(value)) return value.map(about);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, about(item)]));
}
