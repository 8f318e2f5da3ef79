// The selection bias of each expert over the steps of a run.
import { extent } from "../../charts/line-series.ts";
import { formatValue } from "../../format/number.ts";
import { joinWords, stepRange } from "../../format/sentence.ts";
import type { ExpertMarks, ExpertsModel } from "./experts-model.ts";

/** Whether the run chooses its experts with a bias. */
export function hasBias({ bias }: Pick<ExpertsModel, "bias">): boolean {
  return bias.some((value) => !Number.isNaN(value));
}

/** One y domain for all runs: their biases can be compared. Zero, which changes nothing, is in it. */
export function biasDomain(models: readonly Pick<ExpertsModel, "bias">[]): [number, number] {
  const ends = models.map(({ bias }) => extent(bias)).filter(([low]) => Number.isFinite(low));
  const low = Math.min(0, ...ends.map(([end]) => end));
  const high = Math.max(0, ...ends.map(([, end]) => end));
  const margin = (high - low) * 0.05;
  return low === high ? [-1, 1] : [low - margin, high + margin];
}

/** Whom the biases favour most and least at the cursor, run by run. */
export function biasSentence(panes: readonly { model: ExpertsModel; marks: ExpertMarks }[]): string {
  const parts = panes.flatMap(({ model, marks: { row } }) => {
    if (row < 0) return [];
    const { experts, bias, firstSteps, lastSteps, run } = model;
    const now = bias.subarray(row * experts, (row + 1) * experts);
    const [low, high] = extent(now);
    if (!Number.isFinite(low)) return [];
    const steps = stepRange(firstSteps[row]!, lastSteps[row]!);
    const ends = `${formatValue(low)} (expert ${now.indexOf(low)}) to ${formatValue(high)} (expert ${now.indexOf(high)})`;
    return [`from ${ends} in ${run.label} at ${steps}`];
  });
  if (parts.length === 0) return "No bias has arrived at the step cursor.";
  return `In layer ${panes[0]!.model.layer} the selection bias goes ${joinWords(parts)}.`;
}
