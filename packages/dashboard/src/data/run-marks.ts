// What is written on runs: name, tags and notes by anybody, kept by the collector; a colour and a pin of one's own, kept in this browser.
import type { v1 } from "@moescope/proto";
import { RUN_COLOURS } from "./run-colours.ts";
import { storedValue } from "./stored-value.ts";

export interface RunMark {
  /** Stands at the top of the lists. */
  pinned?: boolean;
  /** Index into the run colours, instead of the run's own. */
  colour?: number;
  /** Name, tags and notes of the time when they were kept here: they stand until they are written anew. */
  name?: string;
  tags?: string[];
  notes?: string;
}

export type RunMarks = Readonly<Record<string, RunMark>>;

export const runMarks = storedValue<RunMarks>("moescope.runs", {}, readMarks);

/** Changes the marks of a run; what is undefined or empty is taken off. */
export function markRun(run: string, change: RunMark): void {
  runMarks.set(withMark(runMarks.get(), run, change));
}

export function withMark(marks: RunMarks, run: string, change: RunMark): RunMarks {
  const { [run]: before, ...others } = marks;
  const kept = withoutEmpty({ ...before, ...change });
  return Object.keys(kept).length === 0 ? others : { ...others, [run]: kept };
}

function withoutEmpty<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as Partial<Fields>;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

/** @returns what is written on a run besides colour and pin; fields without anything are not there */
export function annotationOf(
  { annotation }: Pick<v1.RunSummary.$Properties, "annotation">,
  mark: RunMark | undefined,
): Pick<RunMark, "name" | "tags" | "notes"> {
  const { name, tags, notes } = { ...withoutEmpty(annotation ?? {}), ...mark };
  return withoutEmpty({ name, tags, notes });
}

/** @returns runs under the names and with the tags that were written on them, pinned ones first */
export function markedSummaries(
  summaries: readonly v1.RunSummary.$Properties[],
  marks: RunMarks,
): v1.RunSummary.$Properties[] {
  const marked = summaries.map((summary) => {
    const { name, tags = [] } = annotationOf(summary, marks[summary.run?.id ?? ""]);
    if (name === undefined && tags.length === 0) return summary;
    const all = [...new Set([...(summary.run?.tags ?? []), ...tags])];
    return { ...summary, run: { ...summary.run, name: name ?? summary.run?.name ?? "", tags: all } };
  });
  const isPinned = ({ run }: v1.RunSummary.$Properties) => marks[run?.id ?? ""]?.pinned === true;
  return [...marked.filter(isPinned), ...marked.filter((summary) => !isPinned(summary))];
}

/** @returns the colours of runs, the person's choice before the run's own */
export function markedColours(colours: ReadonlyMap<string, number>, marks: RunMarks): Map<string, number> {
  return new Map([...colours].map(([run, colour]) => [run, marks[run]?.colour ?? colour]));
}

/** Only what has the right form: the storage may be of another version, or edited. */
function readMarks(stored: unknown): RunMarks | undefined {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) return undefined;
  const marks = Object.entries(stored).map(([run, mark]): [string, RunMark] => [run, readMark(Object(mark))]);
  return Object.fromEntries(marks);
}

function readMark({ pinned, colour, name, tags, notes }: Record<string, unknown>): RunMark {
  return {
    ...(pinned === true && { pinned }),
    ...(Number.isInteger(colour) && Number(colour) >= 0 && Number(colour) < RUN_COLOURS && { colour: Number(colour) }),
    ...(typeof name === "string" && { name }),
    ...(Array.isArray(tags) && { tags: tags.filter((tag) => typeof tag === "string") }),
    ...(typeof notes === "string" && { notes }),
  };
}
