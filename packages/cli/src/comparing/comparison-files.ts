// A comparison as files: tables to read, numbers for a program, figures for a paper.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toCsv } from "@moescope/dashboard/figures";
import { writeFigure } from "../figures/figure-file.ts";
import type { Comparison } from "./comparison.ts";
import { comparisonMarkdown } from "./comparison-text.ts";
import { balanceOverSteps, lossAgainstBalance } from "./figures.ts";
import { measures } from "./measures.ts";

/**
 * @param directory exists; files of the same names are written over
 * @param trainedOn what all arms share, as a sentence
 * @returns the paths of the files
 */
export async function writeComparison(comparison: Comparison, directory: string, trainedOn: string): Promise<string[]> {
  const paths = ["comparison.md", "comparison.csv"].map((name) => join(directory, name));
  await writeFile(paths[0]!, comparisonMarkdown(comparison, trainedOn));
  await writeFile(paths[1]!, comparisonCsv(comparison));
  const figures = {
    "loss-against-balance": lossAgainstBalance(comparison, trainedOn),
    "balance-over-steps": balanceOverSteps(comparison, trainedOn),
  };
  for (const [name, figure] of Object.entries(figures)) {
    for (const ending of [".svg", ".png", ".csv"]) {
      const path = join(directory, name + ending);
      await writeFigure(figure, path);
      paths.push(path);
    }
  }
  return paths;
}

/** One row a run. */
function comparisonCsv({ arms }: Comparison): string {
  const header = ["arm", "strategy", "settings", "seed", "run", "origin", ...measures.map(({ name }) => name)];
  const rows = arms.flatMap(({ name: arm, strategy, settings, runs }) =>
    runs.map(({ seed, run, origin, measures: values }) => {
      return [arm, strategy, settings.join(" "), seed, run, origin, ...measures.map(({ name }) => values[name])];
    }),
  );
  return toCsv([header, ...rows]);
}
