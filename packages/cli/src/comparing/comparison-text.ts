// A comparison to read: what was trained, the tables, and what to know about them.
import { formatTable } from "../terminal/table.ts";
import { type Comparison, cautionsOf } from "./comparison.ts";
import { armTables, definitionLines, differenceTable, markdownTable, type TableForm } from "./tables.ts";

/** For a terminal. */
export function comparisonText(comparison: Comparison, trainedOn: string): string {
  const cautions = cautionsOf(comparison).map((caution) => `${caution}.`);
  return [...tableParts(comparison, trainedOn, formatTable), ...cautions].join("\n\n");
}

/** Figures stand beside it, see `writeComparison`. */
export function comparisonMarkdown(comparison: Comparison, trainedOn: string): string {
  const { name, arms } = comparison;
  const parts = [
    `# ${name}`,
    ...tableParts(comparison, trainedOn, markdownTable),
    ...cautionsOf(comparison).map((caution) => `**${caution}.**`),
    "![Validation loss against MaxVio global, a point a run](loss-against-balance.svg)",
    "![MaxVio over steps, mean and spread](balance-over-steps.svg)",
    "Arms:",
    lines(arms.map(({ name: arm, strategy, settings }) => `${arm}: ${[strategy, ...settings].join(", ")}`)),
    "Measures:",
    lines(definitionLines()),
  ];
  return `${parts.join("\n\n")}\n`;
}

function tableParts(comparison: Comparison, trainedOn: string, form: TableForm): string[] {
  return [
    `${trainedOn} Means ± sample standard deviation over seeds.`,
    ...armTables(comparison, form),
    ...(comparison.differences.length > 0
      ? [
          "Differences, seed by seed; the interval is Student's t, each by itself, not corrected for their number:",
          differenceTable(comparison, form),
        ]
      : []),
  ];
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `- ${text}`).join("\n");
}
