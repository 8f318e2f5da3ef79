// A comparison as tables, in any form.
import type { Sample } from "@moescope/metrics";
import { decimal, whole } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import type { ArmDifference, ComparedArm, Comparison } from "./comparison.ts";
import { type Measure, measureNamed, measures, type RunMeasures } from "./measures.ts";

/** Gives the lines of a table. */
export type TableForm = <Row>(rows: readonly Row[], columns: readonly Column<Row>[]) => string[];

/** Measures side by side: all in one table would be too wide to read. */
const groups: (keyof RunMeasures)[][] = [
  ["validationLoss", "maxViolationGlobal", "maxViolationBatch", "deadExperts", "dropped"],
  ["mutualInformation", "divergence", "stepsToBalance", "waver", "biasRange", "tokensPerSecond"],
];

/** Means with their spread, an arm a line. */
export function armTables({ arms }: Comparison, form: TableForm = formatTable): string[][] {
  const lead: Column<ComparedArm>[] = [
    { title: "arm", value: ({ name }) => name },
    { title: "seeds", value: ({ runs }) => String(runs.length), right: true },
  ];
  return groups.map((names) => form(arms, [...lead, ...names.map(measureColumn)]));
}

function measureColumn(name: keyof RunMeasures): Column<ComparedArm> {
  const measure = measureNamed(name);
  return {
    title: measure.title,
    value: ({ samples, runs }) => formatSample(samples[name], measure, runs.length),
    right: true,
  };
}

/** As in `2.0114 ± 0.0021`; says of how many seeds when not all have a value. */
export function formatSample({ n, mean, deviation }: Sample, { meanDigits }: Measure, seeds: number): string {
  if (n === 0) return "-";
  const spread = Number.isNaN(deviation) ? "" : ` ± ${number(deviation, meanDigits)}`;
  const share = n < seeds ? ` (${n} of ${seeds})` : "";
  return number(mean, meanDigits) + spread + share;
}

/** Single runs, what they cost and the balance they reached. */
export function runTable(runs: readonly ({ strategy: string } & RunMeasures)[]): string[] {
  const columns = [...groups[0]!, "tokensPerSecond" as const].map((name): Column<RunMeasures> => {
    const { title, digits } = measureNamed(name);
    return { title, value: (run) => number(run[name], digits), right: true };
  });
  return formatTable(runs, [{ title: "strategy", value: ({ strategy }) => strategy }, ...columns]);
}

/** Differences of every pair of arms, seed by seed. */
export function differenceTable({ differences }: Comparison, form: TableForm = formatTable): string[] {
  return form(differences, differenceColumns);
}

const differenceColumns: Column<ArmDifference>[] = [
  { title: "difference", value: ({ first, second }) => `${second} − ${first}` },
  { title: "of", value: ({ measure }) => measureNamed(measure).title },
  { title: "seeds", value: ({ n }) => String(n), right: true },
  { title: "mean", value: (row) => signed(row.mean, digitsOf(row)), right: true },
  { title: "standard error", value: (row) => decimal(row.standardError, digitsOf(row)), right: true },
  { title: "95 % interval", value: formatInterval, right: true },
  { title: "same sign in", value: formatAgreement },
];

function formatInterval(row: ArmDifference): string {
  const [low, high] = row.interval;
  return Number.isNaN(low) ? "-" : `${signed(low, digitsOf(row))} to ${signed(high, digitsOf(row))}`;
}

/** As in `lower in 3 of 3`: the side that more seeds are on. */
function formatAgreement({ n, lower, higher }: ArmDifference): string {
  if (n === 0) return "-";
  if (lower === higher) return `lower in ${lower}, higher in ${higher} of ${n}`;
  return lower > higher ? `lower in ${lower} of ${n}` : `higher in ${higher} of ${n}`;
}

function digitsOf({ measure }: ArmDifference): number {
  return measureNamed(measure).digits;
}

export function definitionLines(): string[] {
  return measures.map(({ title, definition }) => `${title}: ${definition}.`);
}

function number(value: number, digits: number): string {
  return digits === 0 ? whole(value) : decimal(value, digits);
}

function signed(value: number, digits: number): string {
  return `${value > 0 ? "+" : ""}${decimal(value, digits)}`;
}
