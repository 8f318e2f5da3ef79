// Which of the stored runs are on screen.
import { v1 } from "@moescope/proto";
import { MOST_RUNS } from "../address/address.ts";
import { stepRange } from "../format/sentence.ts";
import { strategyName } from "../format/strategy.ts";

type Summary = v1.RunSummary.$Properties;

/** A run on screen, with the colour that is its own. */
export interface ChosenRun {
  id: string;
  run: v1.RunDescription.$Properties;
  summary: Summary;
  /** Index into the run colours of the theme. */
  colour: number;
  /** Short name: unlike those of the other runs on screen. */
  label: string;
  /** The attempt on screen; undefined: of overlapping attempts the newest. */
  attempt?: number | undefined;
}

/** @returns the attempt to show of a run: the wanted one where the run has it beside others */
export function attemptOf({ attempts = [] }: Summary, wanted: number | undefined): number | undefined {
  return attempts.length > 1 && attempts.some(({ attempt = 0 }) => attempt === wanted) ? wanted : undefined;
}

/** @returns every attempt of the runs that were restarted, with its steps where one run has it */
export function attemptChoices(chosen: readonly Pick<ChosenRun, "summary">[]): { value: string; text: string }[] {
  const attempts = chosen.flatMap(({ summary }) => ((summary.attempts?.length ?? 0) > 1 ? summary.attempts! : []));
  const numbers = [...new Set(attempts.map(({ attempt = 0 }) => attempt))].sort((a, b) => a - b);
  return numbers.map((number) => {
    const those = attempts.filter(({ attempt = 0 }) => attempt === number);
    const [{ firstStep = 0, lastStep = 0 }] = those as [(typeof those)[number]];
    const steps = those.length === 1 ? `, ${stepRange(firstStep, lastStep)}` : "";
    return { value: String(number), text: `attempt ${number}${steps}` };
  });
}

/** The parameter of a request for the attempt on screen. */
export function attemptParameter({ attempt }: Pick<ChosenRun, "attempt">): { attempt?: number } {
  return attempt === undefined ? {} : { attempt };
}

/**
 * @param chosen ids from the address; `newest`: every live run, and the newest ones until there are two
 * @returns ids in the order to show them, and those that the collector does not have
 */
export function chooseRuns(
  chosen: "newest" | readonly string[],
  summaries: readonly Summary[],
): { ids: string[]; unknown: string[] } {
  if (chosen !== "newest") {
    const known = new Set(summaries.map(idOf));
    return { ids: chosen.filter((id) => known.has(id)), unknown: chosen.filter((id) => !known.has(id)) };
  }
  const newestFirst = [...summaries].sort((a, b) => (b.run?.startedAt ?? 0) - (a.run?.startedAt ?? 0));
  const shown = newestFirst.filter((summary, place) => place < 2 || summary.state === v1.RunSummary.State.LIVE);
  return { ids: shown.slice(0, MOST_RUNS).reverse().map(idOf), unknown: [] };
}

/** Puts a run on screen or takes it off. @returns undefined when as many as can be told apart are already there */
export function toggleRun(ids: readonly string[], id: string): string[] | undefined {
  if (ids.includes(id)) return ids.filter((other) => other !== id);
  return ids.length < MOST_RUNS ? [...ids, id] : undefined;
}

/** @returns the strategy where it tells the runs apart, then with the seed, else the name, else the id */
export function runLabels(runs: readonly v1.RunDescription.$Properties[]): string[] {
  const candidates = [
    (run: v1.RunDescription.$Properties) => strategyName(run.strategy),
    // Other senders need not say a strategy.
    ({ strategy, seed = 0 }: v1.RunDescription.$Properties) =>
      strategy ? `${strategyName(strategy)} · seed ${seed}` : "",
    (run: v1.RunDescription.$Properties) => run.name ?? "",
    (run: v1.RunDescription.$Properties) => run.id ?? "",
  ];
  const told = candidates.find((label) => {
    const labels = runs.map(label);
    return labels.every((text) => text !== "") && new Set(labels).size === labels.length;
  });
  return runs.map(told ?? candidates[3]!);
}

/** @returns id of a summary's run */
export function idOf(summary: Summary): string {
  return summary.run?.id ?? "";
}
