// The alerts of the runs on screen: words for them, and a list that takes in what comes live.
import { v1 } from "@moescope/proto";

export type Alert = v1.Alert.$Properties;

const { COLLAPSE, DEAD_EXPERTS, NOT_A_NUMBER, DROPS, SILENCE, RULE_UNSPECIFIED } = v1.Alert.Rule;

/** Rules in the words of the screen. */
export const ALERT_NAMES: Record<number, string> = {
  [RULE_UNSPECIFIED]: "alert",
  [COLLAPSE]: "collapse",
  [DEAD_EXPERTS]: "dead experts",
  [NOT_A_NUMBER]: "loss is not a number",
  [DROPS]: "dropped tokens",
  [SILENCE]: "silence",
};

/** Rules that are about one layer. */
const LAYERED: readonly number[] = [COLLAPSE, DEAD_EXPERTS, DROPS];

/** Where an alert leads: the layer, expert and step it is about. */
export function placeOf(alert: Alert): { layer: number | undefined; expert: number | undefined; step: number } {
  const layer = LAYERED.includes(alert.rule ?? 0) ? (alert.layer ?? 0) : undefined;
  return { layer, expert: alert.experts?.[0], step: alert.firedStep || alert.beganStep || 0 };
}

/** @returns the list with newer states of alerts in their places, and new alerts behind; the same list when nothing is new */
export function withAlerts(known: readonly Alert[], told: readonly Alert[]): readonly Alert[] {
  if (told.length === 0) return known;
  const byId = new Map(known.map((alert) => [alert.id, alert]));
  for (const alert of told) {
    // An answer under way while the alert ended would take it back.
    if (byId.get(alert.id)?.over && !alert.over) continue;
    byId.set(alert.id, alert);
  }
  return [...byId.values()];
}
