// Keeps what people write on a run, and shows it to every viewer.
import type { v1 } from "@moescope/proto";
import type { Introductions } from "./ingest/introductions.ts";
import type { AnnotationTable } from "./store/runs/annotation-table.ts";
import type { Runs } from "./store/runs/runs.ts";

export interface WhoKnows {
  table: AnnotationTable;
  runs: Runs;
  introductions: Introductions;
}

/** @returns whether there is such a run; settles when the annotation is stored */
export type AnnotateRun = (run: string, annotation: v1.Annotation) => Promise<boolean>;

export function runAnnotation({ table, runs, introductions }: WhoKnows): AnnotateRun {
  const annotateNow = async (run: string, annotation: v1.Annotation) => {
    if (runs.description(run) === undefined) return false;
    await table.write(run, annotation);
    runs.annotated(run, annotation);
    return true;
  };
  // While it works no run is deleted.
  return (run, annotation) => introductions.alone(() => annotateNow(run, annotation));
}
