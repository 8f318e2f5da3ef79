// Every measure of every arm as a number: at the step cursor, at the end, at its lowest or highest; and how far from the baseline.
import { sampleOf } from "@moescope/metrics";
import type { Numbers } from "../../address/address.ts";
import { type Arrival, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { idOf } from "../../data/chosen-runs.ts";
import { joinWords } from "../../format/sentence.ts";
import type { Arm, Summary } from "./arms.ts";
import type { ComparedHistory } from "./compared-history.ts";
import { type CurvePoint, curveOf } from "./curves.ts";
import type { Measure } from "./measures.ts";

export interface NumbersModel {
  measures: readonly Measure[];
  rows: NumbersRow[];
  sentence: string;
}

export interface NumbersRow {
  arm: Arm;
  /** One for each measure. */
  cells: NumbersCell[];
}

export interface NumbersCell {
  /** Runs that have the measure. */
  runs: number;
  /** Over them; NaN without any, and the deviation for fewer than two. */
  mean: number;
  deviation: number;
  /** Less the mean of the baseline; NaN where one of them has none, and in the baseline itself. */
  difference: number;
  /** No arm has a lower mean. */
  lowest: boolean;
}

export interface NumbersSource {
  arms: readonly Arm[];
  baseline: Arm | undefined;
  histories: ReadonlyMap<string, ComparedHistory>;
  evaluations: ReadonlyMap<string, ComparedHistory>;
  arrival: Arrival;
}

/** @param step the step cursor; a run that ended before it is taken at its end */
export function numbersModel(
  { arms, baseline, histories, evaluations, arrival }: NumbersSource,
  measures: readonly Measure[],
  which: Numbers,
  step: number,
): NumbersModel {
  // A mean over some of the runs would move while the others come.
  if (arrival === "loading") return { measures, rows: [], sentence: LOADING };
  const columns = measures.map((measure) => {
    const known = measure.evaluation ? evaluations : histories;
    const widths = arms.flatMap(({ runs }) => runs.map((run) => known.get(idOf(run))?.width ?? 1));
    // Lowest and highest of points of different widths would not be alike.
    const width = Math.max(1, ...widths);
    const valueIn = (run: Summary) => {
      const curve = curveOf(known.get(idOf(run))?.buckets ?? [], width, "step", 0, measure.read);
      return chosenValue(curve, which, step);
    };
    return columnOf(arms, baseline, valueIn);
  });
  const rows = arms.map((arm, place) => ({ arm, cells: columns.map((column) => column[place]!) }));
  return { measures, rows, sentence: sentenceOf(rows, measures, which, arrival) };
}

function columnOf(arms: readonly Arm[], baseline: Arm | undefined, valueIn: (run: Summary) => number): NumbersCell[] {
  const samples = arms.map(({ runs }) => sampleOf(runs.map(valueIn)));
  const means = samples.map(({ n, mean }) => (n === 0 ? Number.NaN : mean));
  const lowest = Math.min(...means.filter((mean) => !Number.isNaN(mean)));
  const place = baseline === undefined ? -1 : arms.indexOf(baseline);
  return samples.map(({ n, deviation }, at) => ({
    runs: n,
    mean: means[at]!,
    deviation,
    difference: at === place ? Number.NaN : means[at]! - (means[place] ?? Number.NaN),
    lowest: means[at] === lowest,
  }));
}

function chosenValue(curve: readonly CurvePoint[], which: Numbers, step: number): number {
  const told = curve.filter(({ y }) => !Number.isNaN(y));
  if (told.length === 0) return Number.NaN;
  if (which === "lowest") return Math.min(...told.map(({ y }) => y));
  if (which === "highest") return Math.max(...told.map(({ y }) => y));
  const at = which === "last" ? curve.at(-1) : curve.findLast(({ firstStep }) => firstStep <= step);
  return at?.y ?? Number.NaN;
}

const WHEN: Record<Numbers, string> = {
  cursor: "At the cursor",
  last: "At the end",
  lowest: "At their lowest",
  highest: "At their highest",
};

function sentenceOf(
  rows: readonly NumbersRow[],
  measures: readonly Measure[],
  which: Numbers,
  arrival: Arrival,
): string {
  const parts = rows.flatMap(({ arm, cells }) => {
    // Where all are alike nobody is ahead.
    const nouns = measures
      .filter((_, place) => cells[place]!.lowest && rows.some((row) => row.cells[place]!.lowest === false))
      .map(({ noun }) => noun.replace(/^the /, ""));
    return nouns.length === 0 ? [] : [`${arm.name} has the lowest ${joinWords(nouns)}`];
  });
  if (parts.length > 0) return `${WHEN[which]} ${joinWords(parts)}.`;
  const known = rows.some(({ cells }) => cells.some(({ runs }) => runs > 0));
  return known
    ? `${WHEN[which]} no arm is ahead of another.`
    : sentenceWithout(arrival, "No run here has numbers yet.");
}

/** "0.22 ± 0.02" */
export function numberText({ runs, mean, deviation }: NumbersCell, { format }: Measure): string {
  if (runs === 0) return "–";
  return Number.isNaN(deviation) ? format(mean) : `${format(mean)} ± ${format(deviation)}`;
}

/** "+0.05", or undefined where there is none. */
export function differenceText({ difference }: NumbersCell, { format }: Measure): string | undefined {
  if (Number.isNaN(difference)) return undefined;
  return `${difference > 0 ? "+" : ""}${format(difference)}`;
}

/** Rows for a CSV file. */
export function numbersTable({ measures, rows }: NumbersModel): (string | number)[][] {
  const header = ["arm", "measure", "runs", "mean", "deviation", "less_baseline"];
  const table = rows.flatMap(({ arm, cells }) =>
    cells.map(({ runs, mean, deviation, difference }, place) => {
      return [arm.name, measures[place]!.name, runs, mean, deviation, difference];
    }),
  );
  return [header, ...table];
}
