// Capacity factors that the slider stops at: finer where trainers set them.

const STEPS = [
  { below: 2, step: 0.05 },
  { below: 4, step: 0.25 },
  { below: 8, step: 1 },
] as const;

/** From half the fair share, which drops at least half, to eight times it. */
const CHOICES: readonly number[] = between(0.5);

/** @returns the factors, ascending, with the one in the address among them */
export function capacityChoices(chosen: number): number[] {
  return [...new Set([...CHOICES, chosen])].sort((a, b) => a - b);
}

function between(first: number): number[] {
  const choices: number[] = [];
  let factor = first;
  for (const { below, step } of STEPS) {
    for (; factor < below - step / 2; factor += step) choices.push(Number(factor.toFixed(2)));
  }
  return [...choices, STEPS.at(-1)!.below];
}
