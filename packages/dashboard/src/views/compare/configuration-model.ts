// In which keys of their configuration the compared runs differ.
import { idOf } from "../../data/chosen-runs.ts";
import { factsOf } from "../../data/run-list.ts";
import { plural } from "../../format/sentence.ts";
import { type Arm, comparableBy, seedOf } from "./arms.ts";

/** Runs of an arm that are configured alike, but for their seed. */
export interface ConfigurationColumn {
  arm: Arm;
  runs: string[];
  seeds: number[];
}

export interface ConfigurationModel {
  /** The first one is what the others are set against. */
  columns: ConfigurationColumn[];
  /** A value for each column; undefined where it has no such key. */
  rows: { key: string; values: (string | undefined)[] }[];
  sentence: string;
}

/** @param baseline its first configuration comes first */
export function configurationModel(arms: readonly Arm[], baseline: Arm | undefined): ConfigurationModel {
  const summaries = arms.flatMap(({ runs }) => runs);
  const keys = comparableBy(summaries).filter(
    (key) => key !== "seed" && summaries.some((each) => factsOf(each).has(key)),
  );
  const valuesOf = (summary: (typeof summaries)[number]) => keys.map((key) => factsOf(summary).get(key)?.toString());
  const columns = new Map<string, ConfigurationColumn & { values: (string | undefined)[] }>();
  const ordered = baseline === undefined ? arms : [baseline, ...arms.filter((arm) => arm !== baseline)];
  for (const arm of ordered) {
    for (const summary of arm.runs) {
      const values = valuesOf(summary);
      const key = JSON.stringify([arm.value, values]);
      const column = columns.get(key) ?? { arm, runs: [], seeds: [], values };
      columns.set(key, { ...column, runs: [...column.runs, idOf(summary)], seeds: [...column.seeds, seedOf(summary)] });
    }
  }
  const all = [...columns.values()];
  const rows = keys.map((key, at) => ({ key, values: all.map(({ values }) => values[at]) }));
  const differing = withoutTwins(rows.filter(({ values }) => new Set(values).size > 1));
  return { columns: all, rows: differing, sentence: sentenceOf(all.length, differing.length, summaries.length) };
}

type Row = ConfigurationModel["rows"][number];

/** A fact of every run that its configuration says again: `experts` beside `model.experts`. */
function withoutTwins(rows: readonly Row[]): Row[] {
  const plain = (key: string) => key.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const isTwin = (row: Row) =>
    !row.key.includes(".") &&
    rows.some(({ key, values }) => {
      return (
        key.includes(".") && plain(key.split(".").at(-1)!) === plain(row.key) && String(values) === String(row.values)
      );
    });
  return rows.filter((row) => !isTwin(row));
}

function sentenceOf(columns: number, rows: number, runs: number): string {
  if (runs < 2) return "One run differs from nothing; choose another to compare it with.";
  if (rows === 0) return `The ${runs} runs are configured alike, but for their seeds.`;
  return `${plural(runs, "run")} in ${plural(columns, "configuration")}, which differ in ${plural(rows, "key")}. What is as in the first column is pale.`;
}

/** Rows of the table, for a CSV file. */
export function configurationTable({ columns, rows }: ConfigurationModel): (string | number)[][] {
  const header = columns.map(({ arm, seeds }) => `${arm.name} (seeds ${seeds.join(" ")})`);
  return [["key", ...header], ...rows.map(({ key, values }) => [key, ...values.map((value) => value ?? "")])];
}
