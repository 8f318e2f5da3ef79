// What all arms of a comparison share, as a sentence for captions.
import type { PlannedRun } from "./plan.ts";

export function describeTraining(plan: readonly PlannedRun[], sharedSettings: readonly string[] = []): string {
  const { recipe, configuration } = plan[0]!;
  const steps = new Set(plan.map((run) => run.recipe.steps));
  const seeds = [...new Set(plan.map(({ seed }) => seed))];
  const parts = [
    `Recipe ${recipe.recipe}`,
    ...(steps.size === 1 ? [`${recipe.steps} steps`] : []),
    ...sharedSettings,
    `on ${configuration.sources.map(({ category }) => category).join(", ")}`,
    `${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}`,
  ];
  return `${parts.join("; ")}.`;
}
