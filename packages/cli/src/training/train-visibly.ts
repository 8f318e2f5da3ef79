// One training run as a person sees it: what it runs on, its progress, how it ended.
import { note } from "../terminal/lines.ts";
import { describeCheckpoint, describeEnd, describeReporting } from "./ending.ts";
import type { TrainingEnded, TrainingOrder } from "./messages.ts";
import { RunProgress } from "./run-progress.ts";
import { runTraining } from "./run-training.ts";

/**
 * @param fallbackKnown the person knows why it is not the fastest backend
 * @throws what `runTraining` throws; a run that failed or was stopped is a result
 */
export async function trainVisibly(
  order: TrainingOrder,
  fallbackKnown: boolean,
  signal: AbortSignal,
): Promise<TrainingEnded> {
  let progress: RunProgress | undefined;
  const ended = await runTraining(
    order,
    {
      started({ device, notice, attempt, firstStep }) {
        if (notice && !fallbackKnown) note(notice);
        note(`Training on ${device}${attempt > 0 ? `, attempt ${attempt}, from step ${firstStep}` : ""}`);
        progress = new RunProgress(order.recipe.steps);
      },
      progress: (numbers) => progress?.update(numbers),
    },
    signal,
  ).finally(() => progress?.stop());
  note(describeEnd(ended));
  if (ended.checkpoint !== undefined) note(describeCheckpoint(ended, order.identity.id));
  if (order.collector) note(describeReporting(ended.reporting));
  return ended;
}
