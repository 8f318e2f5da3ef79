// What kinds of attention heads a run had at its newest probe.
import type { Client } from "@moescope/dashboard/api";
import { type HeadCategory, headCategories, headCategory } from "@moescope/metrics";

export interface HeadCounts {
  /** Step of the probe. */
  step: number;
  heads: Record<HeadCategory, number>;
}

/** @returns undefined for a run that was not probed */
export async function countHeads(client: Client, run: string): Promise<HeadCounts | undefined> {
  const probe = await client.probe({ run });
  if (probe.heads.length === 0) return undefined;
  const found = probe.heads.map(headCategory);
  const heads = headCategories.map((category) => [category, found.filter((other) => other === category).length]);
  return { step: probe.step, heads: Object.fromEntries(heads) as Record<HeadCategory, number> };
}
