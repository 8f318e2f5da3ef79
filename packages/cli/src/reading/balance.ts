// How evenly a run's experts were used over a stretch of steps, layer by layer, from one bucket of its history.

import { type Client, type LayerBalance, layerBalance } from "@moescope/dashboard/api";
import { lastTenth } from "@moescope/dashboard/figures";
import { findAttempt } from "./attempts.ts";
import type { StoredRun } from "./find-run.ts";

export interface Balance {
  firstStep: number;
  lastStep: number;
  layers: LayerBalance[];
}

/**
 * Of the last tenth of a run's steps; without layers when none is stored.
 *
 * @param attempt whose steps are meant; of steps that several made, the newest attempt's when absent
 */
export async function balanceAtEnd(client: Client, summary: StoredRun, attempt?: number): Promise<Balance> {
  const { lastStep } = attempt === undefined ? summary : findAttempt(summary, attempt);
  const [from, to] = lastTenth(lastStep);
  const shown = attempt === undefined ? {} : { attempt };
  const history = await client.history({ run: summary.run.id, from, to, points: 1, layers: "all", ...shown });
  return { firstStep: from, lastStep: to, layers: (history.buckets[0]?.layers ?? []).map(layerBalance) };
}
