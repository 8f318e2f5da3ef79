// One measure of every arm over x: the mean of its runs, and one standard deviation to either side.
import { pairedDifference, type Sample, sampleOf } from "@moescope/metrics";
import type { Axis } from "../../address/address.ts";
import type { LinePoint, LineSeries } from "../../charts/line-series.ts";
import { type Arrival, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { idOf } from "../../data/chosen-runs.ts";
import { joinWords, plural, stepRange } from "../../format/sentence.ts";
import { type Arm, armColour, type Summary, seedOf } from "./arms.ts";
import type { ComparedHistory } from "./compared-history.ts";
import { type AlignedPoint, alignCurves, curveOf } from "./curves.ts";
import type { Measure } from "./measures.ts";

export interface ComparedLines {
  series: LineSeries[];
  /** Nothing can be drawn yet. */
  loading: boolean;
  sentence: string;
  /** Most steps in a point, for each line: one long run does not make the others coarse. */
  steps: number[];
}

interface ArmLine {
  arm: Arm;
  /** Runs that have the measure, in the order of the values of every point. */
  runs: Summary[];
  points: AlignedPoint[];
}

/**
 * @param histories of the runs of all arms, by id
 * @param pair what the sentence sets against each other
 * @param step the step cursor, which the sentence is about
 */
export function comparedLines(
  measure: Measure,
  arms: readonly Arm[],
  histories: ReadonlyMap<string, ComparedHistory>,
  pair: { baseline: Arm | undefined; against: Arm | undefined },
  axis: Axis,
  step: number,
  arrival: Arrival,
): ComparedLines {
  const widths = arms.map(({ runs }) => Math.max(1, ...runs.map((run) => histories.get(idOf(run))?.width ?? 1)));
  const width = Math.max(1, ...widths);
  // While histories are on their way, the mean of those that are here already would move.
  const here = arrival === "loading" ? arms.filter(({ runs }) => runs.every((run) => histories.has(idOf(run)))) : arms;
  const linesOf = (widthOf: (arm: Arm) => number) =>
    here.map((arm) => lineOfArm(arm, measure, histories, widthOf(arm), axis));
  const lines = linesOf((arm) => widths[arms.indexOf(arm)]!);
  const drawn = lines.filter(({ points }) => points.length > 0);
  const series = drawn.map(seriesOf);
  const loading = arrival === "loading" && series.length === 0;
  const steps = drawn.map(({ points }) => Math.max(...points.map((point) => point.steps)));
  // What is set against each other is a mean over the same steps.
  const told = widths.every((each) => each === width) ? lines : linesOf(() => width);
  return { series, loading, steps, sentence: sentenceOf(measure, told, pair, step, arrival) };
}

function lineOfArm(
  arm: Arm,
  { read }: Measure,
  histories: ReadonlyMap<string, ComparedHistory>,
  width: number,
  axis: Axis,
): ArmLine {
  const curves = arm.runs.map((summary) => {
    const buckets = histories.get(idOf(summary))?.buckets ?? [];
    return { summary, curve: curveOf(buckets, width, axis, summary.run?.startedAt ?? 0, read) };
  });
  const present = curves.filter(({ curve }) => curve.length > 0);
  return { arm, runs: present.map(({ summary }) => summary), points: alignCurves(present.map(({ curve }) => curve)) };
}

function seriesOf({ arm, points }: ArmLine): LineSeries {
  return {
    id: arm.value,
    run: arm.name,
    label: arm.name,
    ...armColour(arm),
    layer: undefined,
    lead: [],
    band: points[0]!.values.length > 1,
    points: points.map(({ values, attempt, ...place }): LinePoint => {
      // A run without a number is not left out in silence: the line breaks where it diverged.
      const mean = values.some(Number.isNaN) ? Number.NaN : sampleOf(values).mean;
      const deviation = values.length > 1 ? sampleOf(values).deviation : 0;
      // Of several runs one may be paused while others are not.
      const only = values.length === 1 ? attempt : 0;
      return { ...place, attempt: only, y: mean, low: mean - deviation, high: mean + deviation };
    }),
  };
}

function sentenceOf(
  measure: Measure,
  lines: readonly ArmLine[],
  { baseline, against }: { baseline: Arm | undefined; against: Arm | undefined },
  step: number,
  arrival: Arrival,
): string {
  if (arrival === "loading") return LOADING;
  const known = lines.filter(({ points }) => points.length > 0);
  const pairLines = [against, baseline].flatMap((arm) => known.find((line) => line.arm === arm) ?? []);
  // Compared at one step, although one of them may have gone further.
  const shared = Math.min(step, ...pairLines.map(({ points }) => points.at(-1)!.lastStep));
  const ends = pairLines.flatMap((line) => endOf(line, shared) ?? []);
  const [one, other] = ends;
  const apart = lines.filter(({ runs, points }) => runs.length > 1 && points.length === 0).map(({ arm }) => arm.name);
  const note = apart.length === 0 ? "" : ` The runs of ${joinWords(apart)} have no step in common.`;
  if (one === undefined) {
    const nothing = known.length > 0 ? `Not known at step ${step} yet.` : `No run here has ${measure.noun} yet.`;
    return note.trim() || sentenceWithout(arrival, nothing);
  }
  const said = ends.map((end) => `${sampleText(end, measure)} in ${end.line.arm.name}`);
  const values = `At ${one.steps} ${measure.noun} is ${joinWords(said)}`;
  return `${values}${other === undefined ? "" : `: ${differenceText(measure, one, other)}`}.${note}`;
}

interface LineEnd {
  line: ArmLine;
  point: AlignedPoint;
  sample: Sample;
  steps: string;
}

function endOf(line: ArmLine, step: number): LineEnd | undefined {
  const point = line.points.findLast(({ firstStep }) => firstStep <= step);
  if (point === undefined) return undefined;
  return { line, point, sample: sampleOf(point.values), steps: stepRange(point.firstStep, point.lastStep) };
}

/** "0.21 ± 0.02 (3 runs)" */
function sampleText({ sample: { n, mean, deviation }, point }: LineEnd, { format }: Measure): string {
  const runs = point.values.length;
  if (n < runs) return `${format(mean)} (${runs - n} of ${plural(runs, "run")} has no number)`;
  return Number.isNaN(deviation) ? format(mean) : `${format(mean)} ± ${format(deviation)} (${plural(n, "run")})`;
}

function differenceText({ format }: Measure, one: LineEnd, other: LineEnd): string {
  const gap = one.sample.mean - other.sample.mean;
  if ([...one.point.values, ...other.point.values].some(Number.isNaN)) return "they cannot be compared";
  if (format(Math.abs(gap)) === format(0)) return "no difference";
  const { n, lower, higher } = seedDifferences(one, other);
  const agreed = n > 1 ? `, in ${gap < 0 ? lower : higher} of ${n} seeds` : "";
  return `${one.line.arm.name} is ${format(Math.abs(gap))} ${gap < 0 ? "lower" : "higher"}${agreed}`;
}

/** Of the seeds that both arms have; of a seed that an arm has several times there is no pair. */
function seedDifferences(one: LineEnd, other: LineEnd) {
  const seeds = one.line.runs.map(seedOf);
  return pairedDifference(seeds.map((seed) => valueOfSeed(one, seed) - valueOfSeed(other, seed)));
}

/** NaN where it is not the value of one run. */
function valueOfSeed({ line, point }: LineEnd, seed: number): number {
  const places = [...line.runs.keys()].filter((place) => seedOf(line.runs[place]!) === seed);
  return places.length === 1 ? point.values[places[0]!]! : Number.NaN;
}

/** Rows of the data behind a chart, for a CSV file. */
export function comparedTable({ series }: ComparedLines): (string | number)[][] {
  const rows = series.flatMap(({ label, points }) =>
    points.map(({ firstStep, lastStep, x, y, low, high }) => [label, firstStep, lastStep, x, y, low, high]),
  );
  return [["arm", "first_step", "last_step", "x", "mean", "mean_minus_deviation", "mean_plus_deviation"], ...rows];
}
