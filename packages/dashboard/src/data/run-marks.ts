// What a person wrote on their runs: a name, tags, notes, a colour, a pin. Kept in this browser, by run id.
import type { v1 } from "@moescope/proto";
import { RUN_COLOURS } from "./run-colours.ts";
import { storedValue } from "./stored-value.ts";

export interface RunMark {
  /** Stands at the top of the lists. */
  pinned?: boolean;
  /** Index into the run colours, instead of the run's own. */
  colour?: number;
  /** Instead of the run's own name. */
  name?: string;
  /** Besides the run's own. */
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
  const kept = Object.entries({ ...before, ...change }).filter(([, value]) => !isEmpty(value));
  return kept.length === 0 ? others : { ...others, [run]: Object.fromEntries(kept) as RunMark };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

/** @returns the run under the person's name and with their tags, pinned ones first */
export function markedSummaries(
  summaries: readonly v1.RunSummary.$Properties[],
  marks: RunMarks,
): v1.RunSummary.$Properties[] {
  const marked = summaries.map((summary) => {
    const mark = marks[summary.run?.id ?? ""];
    if (mark?.name === undefined && mark?.tags === undefined) return summary;
    const tags = [...new Set([...(summary.run?.tags ?? []), ...(mark.tags ?? [])])];
    return { ...summary, run: { ...summary.run, name: mark.name ?? summary.run?.name ?? "", tags } };
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
