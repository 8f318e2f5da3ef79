// `moescope figure`: a figure of stored runs as a file.
import { DEFAULT_BINS } from "@moescope/dashboard/figures";
import type { Command } from "commander";
import { closest } from "fastest-levenshtein";
import { layerList, list, wholeNumber } from "../arguments.ts";
import { WrongUse } from "../failure.ts";
import { checkFigurePath, writeFigure } from "../figures/figure-file.ts";
import { figures } from "../figures/figures.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { print } from "../terminal/lines.ts";

interface FigureOptions extends ReadOptions {
  runs: string[];
  layers?: number[];
  from?: number;
  to?: number;
  bins?: number;
  out: string[];
}

export function define(program: Command): void {
  addReadOptions(program.command("figure").summary("write a figure of stored runs to a file"))
    .description("Draws a figure of stored runs; the ending of each file chooses SVG, PNG or the numbers as CSV.")
    .argument("<name>", `which figure: ${Object.keys(figures).join(", ")}`)
    .requiredOption("--runs <ids>", "run ids, or beginnings of them, as in a,b", list)
    .option("--layers <numbers>", "layers, as in 0,3 (default: the first, the middle and the last)", layerList)
    .option("--from <step>", "first step to add up (default: that of the last tenth)", wholeNumber(0))
    .option("--to <step>", "last step to add up (default: the newest); of probes, the newest up to it", wholeNumber(0))
    .option("--bins <number>", `bins of layers in heads-by-bin (default: ${DEFAULT_BINS})`, wholeNumber(1))
    .requiredOption("--out <file...>", "where to write it: .svg, .png or .csv; several are allowed")
    .action(writeFigureFiles);
}

async function writeFigureFiles(name: string, options: FigureOptions): Promise<void> {
  const make = figureNamed(name);
  for (const path of options.out) checkFigurePath(path);
  const figure = await withRuns(options, async (client) => {
    const stored = await allRuns(client);
    const runs = options.runs.map((wanted) => findRun(stored, wanted));
    return make(client, { ...options, runs });
  });
  for (const path of options.out) {
    await writeFigure(figure, path);
    print(path);
  }
}

function figureNamed(name: string) {
  if (Object.hasOwn(figures, name)) return figures[name]!;
  const names = Object.keys(figures);
  throw new WrongUse(`Unknown figure "${name}"; did you mean "${closest(name, names)}"? Allowed: ${names.join(", ")}`);
}
