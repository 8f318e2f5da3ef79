// A comparison for a program: everything the tables show, every run by itself, and what each measure means.
import type { Comparison } from "./comparison.ts";
import { measures } from "./measures.ts";

/** NaN, a value that does not exist, becomes null. */
export function comparisonJson({ name, arms, differences, failed }: Comparison, trainedOn: string): object {
  return {
    name,
    trainedOn,
    arms: arms.map(({ runs, samples, ...arm }) => ({
      ...arm,
      runs: runs.map(({ run, seed, origin, corpus, measures: values }) => ({ run, seed, origin, corpus, ...values })),
      ...samples,
    })),
    differences,
    failed,
    definitions: Object.fromEntries(measures.map(({ name: measure, definition }) => [measure, definition])),
  };
}
