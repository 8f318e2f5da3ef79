// The alerts of the chosen runs as a list: what is wrong, where, since when, and where a click leads.
import type { Address } from "../../address/address.ts";
import { ALERT_NAMES, type Alert, placeOf } from "../../data/alerts.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import { formatClock } from "../../format/number.ts";
import { joinWords, plural } from "../../format/sentence.ts";

/** Which alerts the list shows. */
export type AlertFilter = "all" | "active" | "over";

export interface AlertRow {
  id: string;
  run: ChosenRun;
  rule: string;
  over: boolean;
  message: string;
  /** "layer 3", "layer 3, expert 12", or that the whole run is meant. */
  place: string;
  began: number;
  fired: number;
  /** Undefined while it lasts. */
  ended: number | undefined;
  /** Since the run began. */
  time: string;
  /** What a click shows. */
  target: Partial<Address>;
}

/** @returns newest first, those that last before those that are over */
export function alertRows(
  chosen: readonly ChosenRun[],
  alerts: readonly Alert[],
  filter: AlertFilter,
  rule: string,
): AlertRow[] {
  const runs = new Map(chosen.map((run) => [run.id, run]));
  const rows = alerts.flatMap((alert) => {
    const run = runs.get(alert.run ?? "");
    return run === undefined ? [] : [rowOf(run, alert, chosen)];
  });
  return rows
    .filter((row) => (filter === "all" || row.over === (filter === "over")) && (rule === "" || row.rule === rule))
    .sort((a, b) => Number(a.over) - Number(b.over) || b.fired - a.fired);
}

function rowOf(run: ChosenRun, alert: Alert, chosen: readonly ChosenRun[]): AlertRow {
  const { rule = 0, over = false, message = "", beganStep = 0, firedStep = 0, overStep = 0, firedAt = 0 } = alert;
  const { layer, expert, step } = placeOf(alert);
  return {
    id: `${run.id}/${alert.id}`,
    run,
    rule: ALERT_NAMES[rule] ?? ALERT_NAMES[0]!,
    over,
    message,
    place: placeText(layer, alert.experts ?? []),
    began: beganStep,
    fired: firedStep,
    ended: over ? overStep : undefined,
    time: formatClock(firedAt - (run.run.startedAt ?? firedAt)),
    target: {
      view: layer === undefined ? "balance" : "layers",
      runs: chosen.map(({ id }) => id),
      step,
      layer,
      expert,
    },
  };
}

function placeText(layer: number | undefined, experts: readonly number[]): string {
  if (layer === undefined) return "the whole run";
  if (experts.length === 0) return `layer ${layer}`;
  if (experts.length > 4) return `layer ${layer}, ${experts.length} experts`;
  return `layer ${layer}, ${experts.length === 1 ? "expert" : "experts"} ${joinWords(experts.map(String))}`;
}

/** The state of the chosen runs in a sentence. */
export function alertsSentence(chosen: readonly ChosenRun[], alerts: readonly Alert[]): string {
  const active = alerts.filter(({ over }) => !over);
  const past = alerts.length - active.length;
  const pastPart = past === 0 ? "" : ` ${plural(past, "earlier alert")} ${past === 1 ? "is" : "are"} over.`;
  if (active.length === 0) return `Nothing is wrong with the ${plural(chosen.length, "run")} on screen now.${pastPart}`;
  const runs = chosen.filter(({ id }) => active.some(({ run }) => run === id)).map(({ label }) => label);
  return `${plural(active.length, "alert")} ${active.length === 1 ? "is" : "are"} active, in ${joinWords(runs)}.${pastPart}`;
}

/** Rows for a CSV file. */
export function alertsTable(alerts: readonly Alert[]): (string | number)[][] {
  const header = ["run", "rule", "layer", "experts", "began_step", "fired_step", "over_step", "value", "threshold"];
  const rows = alerts.map((alert) => [
    alert.run ?? "",
    ALERT_NAMES[alert.rule ?? 0] ?? "",
    placeOf(alert).layer ?? "",
    (alert.experts ?? []).join(" "),
    alert.beganStep ?? 0,
    alert.firedStep ?? 0,
    alert.over ? (alert.overStep ?? 0) : "",
    alert.value ?? 0,
    alert.threshold ?? 0,
  ]);
  return [header, ...rows];
}
