// What a report is made from, asked of the collector.
import type { v1 } from "@moescope/proto";
import type { Client } from "../api/client.ts";
import { lastTenth } from "../figures/run-steps.ts";

export interface ReportChoice {
  /** MoE layers of the figures; default: the first, the middle and the last. */
  layers?: readonly number[] | undefined;
  /** First and last step that the figures of categories add up; default: the last tenth. Of probes, the newest up to `to`. */
  from?: number | undefined;
  to?: number | undefined;
}

export interface ReportData {
  summary: v1.RunSummary.$Properties;
  /** The whole run, at most `POINTS` buckets. */
  training: v1.History.$Properties;
  evaluations: v1.History.$Properties;
  probes: v1.History.$Properties;
  /** One bucket over the steps that figures add up, with the counts of every layer. */
  window: v1.History.$Properties;
  /** Without steps when the run was not probed. */
  probe: v1.Probe.$Properties;
  alerts: readonly v1.Alert.$Properties[];
}

/** Points of a line: more than a sheet of paper can show. */
const POINTS = 400;

/**
 * @throws CollectorError when the collector refuses, for example because it does not have the run
 * @throws RangeError that names a layer of the choice that has no experts
 */
export async function readReport(client: Client, run: string, choice: ReportChoice = {}): Promise<ReportData> {
  const { layers, from, to } = choice;
  const summary = await client.run(run);
  refuseLayers(layers ?? [], summary.run?.moeLayers ?? []);
  const [first, last] = lastTenth(to ?? summary.lastStep);
  const [training, evaluations, probes, window, probe, { alerts }] = await Promise.all([
    client.history({ run, points: POINTS }),
    client.history({ run, split: "eval", points: POINTS }),
    client.history({ run, split: "probe", points: POINTS }),
    client.history({ run, from: from ?? first, to: last, points: 1, layers: "all" }),
    client.probe({ run, ...(to !== undefined && { step: to }) }),
    client.alerts(run),
  ]);
  return { summary, training, evaluations, probes, window, probe, alerts };
}

function refuseLayers(wanted: readonly number[], known: readonly number[]): void {
  const unknown = wanted.find((layer) => !known.includes(layer));
  if (unknown === undefined) return;
  throw new RangeError(`layer ${unknown} of this run has no experts: allowed are ${known.join(", ")}`);
}
