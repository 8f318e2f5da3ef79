// Marks on the time axis: where alerts began and where runs were restarted.
import type { v1 } from "@moescope/proto";
import { ALERT_NAMES } from "./alerts.ts";
import type { ChosenRun } from "./chosen-runs.ts";

export interface TimeMark {
  id: string;
  kind: "alert" | "alert over" | "restart";
  step: number;
  label: string;
  run: string;
}

/** @returns marks of the runs on screen, in the order of their steps */
export function timeMarks(chosen: readonly ChosenRun[], alerts: readonly v1.Alert.$Properties[]): TimeMark[] {
  const labels = new Map(chosen.map(({ id, label }) => [id, label]));
  const alertMarks = alerts.map((alert): TimeMark => {
    const { run = "", id = "", beganStep = 0, rule = 0, over = false } = alert;
    const label = `${labels.get(run) ?? run}: ${ALERT_NAMES[rule]} since step ${beganStep}${over ? ", over" : ""}`;
    return { id: `${run}/${id}`, kind: over ? "alert over" : "alert", step: beganStep, label, run };
  });
  const restarts = chosen.flatMap(({ id, label, summary }) =>
    (summary.attempts ?? []).slice(1).map(
      ({ attempt = 0, firstStep = 0 }): TimeMark => ({
        id: `${id}/attempt ${attempt}`,
        kind: "restart",
        step: firstStep,
        label: `${label}: attempt ${attempt} went on from step ${firstStep}`,
        run: id,
      }),
    ),
  );
  return [...alertMarks, ...restarts].sort((a, b) => a.step - b.step);
}
