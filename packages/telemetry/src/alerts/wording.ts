// An alert in a sentence, for the log, the terminal and whoever gets the webhook.
import { v1 } from "@moescope/proto";

const { Rule } = v1.Alert;

/** @param collapse share of the most possible MaxVio that a collapse is above */
export function messageOf(alert: v1.Alert, collapse: number): string {
  return `${what(alert, collapse)}, since step ${alert.beganStep}`;
}

function what({ rule, layer, experts, value, threshold }: v1.Alert, collapse: number): string {
  const of = `layer ${layer}`;
  switch (rule) {
    case Rule.COLLAPSE: {
      const ceiling = `${number(threshold / collapse)} is the most possible`;
      return `${of} collapses onto expert ${experts[0]}: MaxVio ${number(value)}, above ${number(threshold)} (${ceiling})`;
    }
    case Rule.DEAD_EXPERTS:
      return `${of} has dead experts: ${experts.join(", ")}`;
    case Rule.DROPS:
      return `${of} drops ${percent(value)} of its assignments, above ${percent(threshold)}`;
    case Rule.NOT_A_NUMBER:
      return "the loss is not a finite number";
    case Rule.SILENCE:
      return "no message for a while, and the run did not say that it ended";
    default:
      throw new Error(`alert rule ${rule} has no words`);
  }
}

function number(value: number): string {
  return value.toFixed(2);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
