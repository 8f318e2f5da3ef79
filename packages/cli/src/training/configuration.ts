// A run's resolved configuration as a few lines, in the words of `--set`.
import type { Recipe } from "@moescope/trainer";

export function formatConfiguration(recipe: Recipe): string[] {
  const { recipe: name, balancing, seed, steps, ...sections } = recipe;
  const { strategy, ...options } = balancing;
  const lines: [string, string][] = [
    ["recipe", `${name}, seed ${seed}, ${steps} steps`],
    ["strategy", [strategy, settingsOf(options)].filter(Boolean).join(": ")],
    ...Object.entries(sections).map(([section, settings]): [string, string] => [section, settingsOf(settings)]),
  ];
  return lines.map(([title, text]) => `  ${title.padEnd(11)}${text}`);
}

function settingsOf(settings: object): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? value.map(({ name }) => name).join(",") : value}`)
    .join(" ");
}
