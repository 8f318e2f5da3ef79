// A comparison to read: what was trained, the tables, and what to know about them.
import { formatTable } from "../terminal/table.ts";
import { type Comparison, cautionsOf, corporaOf } from "./comparison.ts";
import { markdown, markdownTable } from "./markdown.ts";
import { armTables, definitionLines, differenceTable, type TableForm } from "./tables.ts";

/** For a terminal. */
export function comparisonText(comparison: Comparison, trainedOn: string): string[] {
  const cautions = cautionsOf(comparison).map((caution) => [`${caution}.`]);
  const parts = [...tableParts(comparison, trainedOn, formatTable), ...cautions];
  return parts.flatMap((part, place) => (place === 0 ? part : ["", ...part]));
}

/** Figures stand beside it, see `writeComparison`. */
export function comparisonMarkdown(comparison: Comparison, trainedOn: string): string {
  const { name, arms } = comparison;
  const parts = [
    `# ${markdown(name)}`,
    ...tableParts(comparison, markdown(trainedOn), markdownTable).map((part) => part.join("\n")),
    ...cautionsOf(comparison).map((caution) => `**${markdown(caution)}.**`),
    "![Validation loss against MaxVio global, a point a run](loss-against-balance.svg)",
    "![MaxVio over steps, mean and spread](balance-over-steps.svg)",
    "Arms:",
    lines(arms.map(({ name: arm, strategy, settings }) => markdown(`${arm}: ${[strategy, ...settings].join(", ")}`))),
    "Measures:",
    lines(definitionLines()),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The lines of each. */
function tableParts(comparison: Comparison, trainedOn: string, form: TableForm): string[][] {
  return [
    [`${trainedOn} Data ${corporaOf(comparison.arms).join(", ")}. Means ± sample standard deviation over seeds.`],
    ...armTables(comparison, form),
    ...(comparison.differences.length > 0
      ? [
          ["Differences, seed by seed; the interval is Student's t, each by itself, not corrected for their number:"],
          differenceTable(comparison, form),
        ]
      : []),
  ];
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `- ${text}`).join("\n");
}
