// How strongly a strategy acts at each step of a run: one schedule for coefficients of losses and speeds of biases.
import { type Scalar, tf } from "../runtime/tf.ts";
import {
  type BalancedRun,
  type BalancingStrategy,
  requireOneOf,
  requireShare,
  type Setting,
  type StrategyDefinition,
} from "./strategy.ts";

/** What is left at a share of the way from the end of the warm-up to the last step. */
const shapes: Record<string, (progress: number) => number> = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  cosine: (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)),
};

/** `warmup` is a share of the run's steps; at the last step `finalShare` is left where the schedule falls. */
export interface ScheduleOptions {
  schedule: string;
  warmup: number;
  finalShare: number;
}

export const constantSchedule: ScheduleOptions = { schedule: "constant", warmup: 0, finalShare: 0 };

/**
 * What coefficients and speeds are multiplied by: rising in equal parts over the warm-up, to 1 at its last step, then as the schedule
 * has it.
 *
 * @returns of a step from 0
 * @throws RangeError that names the option which is out of range
 */
export function paceOf({ schedule, warmup, finalShare }: ScheduleOptions, steps: number): (step: number) => number {
  requireOneOf("schedule", schedule, Object.keys(shapes));
  requireShare("warmup", warmup);
  requireShare("finalShare", finalShare);
  const rise = Math.round(warmup * steps);
  return (step) => {
    if (step < rise) return (step + 1) / rise;
    const progress = Math.min(1, (step - rise) / Math.max(1, steps - 1 - rise));
    return finalShare + (1 - finalShare) * shapes[schedule]!(progress);
  };
}

/** The definition with a schedule among its options, where it has anything to scale. */
export function scheduled(definition: StrategyDefinition): StrategyDefinition {
  if (!definition.scaled) return definition;
  return {
    ...definition,
    defaults: { ...definition.defaults, ...constantSchedule },
    create: (options, run) => createScheduled(definition, options, run),
  };
}

function createScheduled(
  definition: StrategyDefinition,
  options: Record<string, Setting>,
  run: BalancedRun,
): BalancingStrategy {
  const schedule = options as Record<string, Setting> & ScheduleOptions;
  const pace = paceOf(schedule, run.steps);
  const strategy = definition.create(options, { ...run, pace });
  const { layerLoss } = strategy;
  if (!layerLoss || (schedule.schedule === "constant" && schedule.warmup === 0)) return strategy;
  return {
    ...strategy,
    layerLoss: (routing) => {
      const { training, step } = routing.context;
      // An evaluation is of no step: it has the whole coefficient.
      return tf.mul(layerLoss(routing), training ? pace(step) : 1) as Scalar;
    },
  };
}
