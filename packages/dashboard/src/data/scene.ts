// Everything a view needs to know about what is on screen.

import type { v1 } from "@moescope/proto";
import { useEffect, useMemo } from "react";
import type { Address } from "../address/address.ts";
import { type HistoryQuery, historyPath, type SplitName } from "../api/client.ts";
import type { Alert } from "./alerts.ts";
import { attemptOf, attemptParameter, type ChosenRun, chooseRuns, idOf, runLabels } from "./chosen-runs.ts";
import { liveStore } from "./collector.ts";
import { type Cursor, cursorOf } from "./cursor.ts";
import { shownOf } from "./held-timelines.ts";
import type { LiveSnapshot, Target } from "./live-store.ts";
import { type TimeMark, timeMarks } from "./marks.ts";
import { distinctColours, runColours } from "./run-colours.ts";
import { type RunHistory, withBuckets } from "./run-history.ts";
import { arrangeRuns, type RunGroup } from "./run-list.ts";
import { annotationOf, markedColours, markedSummaries, type RunMarks, runMarks } from "./run-marks.ts";
import type { RunTimeline } from "./run-timeline.ts";
import { useLive } from "./use-live.ts";
import { useRuns } from "./use-runs.ts";
import { useZoomed } from "./use-zoomed.ts";

export interface Scene {
  address: Address;
  /** Undefined until the collector answered for the first time. */
  summaries: readonly v1.RunSummary.$Properties[] | undefined;
  listError: Error | undefined;
  /** The summaries as the address wants them listed: filtered, sorted, grouped. */
  groups: readonly RunGroup[];
  /** What the person wrote on the runs. */
  written: RunMarks;
  colours: ReadonlyMap<string, number>;
  chosen: readonly ChosenRun[];
  /** Timelines of the chosen runs, in their order; those that are not open yet are left out. */
  timelines: readonly RunTimeline[];
  /** Every chosen run with its whole history, for what is said about one step. */
  histories: readonly RunHistory[];
  /** The same, cut to the range in the address at screen resolution, for what is drawn over steps. */
  zoomed: readonly RunHistory[];
  /** Paths of the requests that `zoomed` came by. */
  requests: readonly string[];
  /** Why the zoomed history could not be fetched. */
  zoomError: Error | undefined;
  /** Alerts of the chosen runs, in the order they fired in each. */
  alerts: readonly Alert[];
  /** Alerts and restarts on the time axis. */
  marks: readonly TimeMark[];
  /** Ids in the address that the collector does not have. */
  unknown: readonly string[];
  /** Split of the timelines: the address's, or while that is on its way the one before. */
  split: SplitName;
  /** Layer wanted in the expert views: the address's where a chosen run has it, else the first MoE layer. */
  layer: number | undefined;
  /** Layer whose counts the timelines carry: the wanted one, or while that is on its way the one before. */
  shownLayer: number | undefined;
  /** Another split or layer is on its way, or the history of a chosen run. */
  loading: boolean;
  /** What is on screen is no longer what the address asks for. */
  held: boolean;
  /** MoE layers of the chosen runs, ascending. */
  layers: readonly number[];
  cursor: Cursor;
  connection: LiveSnapshot["connection"];
  /** The collector's clock less this browser's, milliseconds. */
  clockOffset: number;
  dropped: number;
}

/** @param counts whether the view draws the counts of the address's layer over the steps */
export function useScene(address: Address, counts: boolean): Scene {
  const live = useLive();
  const { summaries: listed, error } = useRuns(live.summaries);
  const written = runMarks.use();
  const summaries = useMemo(() => listed && markedSummaries(listed, written), [listed, written]);
  const own = useMemo(
    () => markedColours(runColours((listed ?? []).map(({ run }) => run ?? {})), written),
    [listed, written],
  );
  const { filter, sort, group } = address;
  const groups = useMemo(
    () => arrangeRuns(summaries ?? [], { filter, sort, group }, (run) => written[run]?.pinned === true),
    [summaries, written, filter, sort, group],
  );
  const { ids, unknown } = useMemo(() => chooseRuns(address.runs, summaries ?? []), [address.runs, summaries]);
  const colours = useMemo(() => distinctColours(chosenColoursFirst(ids, written), own), [ids, own, written]);
  const chosen = useMemo(
    () => chosenRuns(ids, summaries ?? [], colours, written, address.attempt),
    [ids, summaries, colours, written, address.attempt],
  );
  const layers = useMemo(() => layersOf(chosen), [chosen]);
  const layer = address.layer !== undefined && layers.includes(address.layer) ? address.layer : layers[0];
  useShown(
    summaries === undefined ? namedRuns(address, counts) : targetsOf(chosen, counts ? layer : undefined),
    address.split,
  );
  const timelines = useMemo(() => chosen.flatMap(({ id }) => live.timelines.get(id) ?? []), [chosen, live.timelines]);
  const cursor = useMemo(() => cursorOf(address.step, timelines), [address.step, timelines]);
  const histories = useMemo(() => withBuckets(chosen, timelines), [chosen, timelines]);
  const zoomed = useZoomed(histories, timelines, address.range);
  const alerts = useMemo(() => chosen.flatMap(({ id }) => live.alerts.get(id) ?? []), [chosen, live.alerts]);
  const marks = useMemo(() => timeMarks(chosen, alerts), [chosen, alerts]);
  const { connection, clockOffset, dropped, held } = live;
  const shown = shownOf(timelines, { split: address.split, layer });
  const settled = timelines.filter(({ status }) => status !== "loading");
  return {
    address,
    summaries,
    listError: error,
    groups,
    written,
    colours,
    chosen,
    timelines,
    histories,
    zoomed: zoomed.histories,
    requests: requestsOf(timelines, zoomed.queries),
    zoomError: zoomed.error,
    alerts,
    marks,
    unknown,
    layer,
    split: shown.split,
    shownLayer: shown.layer,
    loading: summaries === undefined || held || settled.length < chosen.length,
    held,
    layers,
    cursor,
    connection,
    clockOffset,
    dropped,
  };
}

/** Of a run that is zoomed into, the request for the range alone. */
function requestsOf(timelines: readonly RunTimeline[], zooms: readonly HistoryQuery[]): string[] {
  return timelines.map((timeline) => {
    const { run, split, layer } = timeline;
    const whole = { run, split, layers: layer === undefined ? [] : [layer], ...attemptParameter(timeline) };
    return historyPath(zooms.find((query) => query.run === run) ?? whole);
  });
}

function chosenRuns(
  ids: readonly string[],
  summaries: readonly v1.RunSummary.$Properties[],
  colours: ReadonlyMap<string, number>,
  written: RunMarks,
  attempt: number | undefined,
): ChosenRun[] {
  const byId = new Map(summaries.map((summary) => [idOf(summary), summary]));
  const found = ids.flatMap((id) => byId.get(id) ?? []);
  const labels = runLabels(found.map(({ run }) => run ?? {}));
  return found.map((summary, place) => {
    const id = idOf(summary);
    const label = annotationOf(summary, written[id]).name ?? labels[place]!;
    const colour = colours.get(id) ?? 0;
    return { id, run: summary.run ?? {}, summary, colour, label, attempt: attemptOf(summary, attempt) };
  });
}

/** A colour that the person chose gives way to none. */
function chosenColoursFirst(ids: readonly string[], written: RunMarks): string[] {
  const isChosen = (id: string) => written[id]?.colour !== undefined;
  return [...ids.filter(isChosen), ...ids.filter((id) => !isChosen(id))];
}

function layersOf(chosen: readonly ChosenRun[]): number[] {
  return [...new Set(chosen.flatMap(({ run }) => run.moeLayers ?? []))].sort((a, b) => a - b);
}

function targetsOf(chosen: readonly ChosenRun[], layer: number | undefined): Target[] {
  return chosen.map(({ id, run, attempt }) => {
    const has = layer !== undefined && run.moeLayers?.includes(layer);
    return { run: id, layer: has ? layer : undefined, attempt };
  });
}

/** Before the run list is here: the runs that the address names, where nothing more has to be known of them. */
function namedRuns({ runs, attempt }: Address, counts: boolean): Target[] {
  if (runs === "newest" || attempt !== undefined || counts) return [];
  return runs.map((run) => ({ run, layer: undefined }));
}

/** Tells the store which timelines to keep, when that changes. */
function useShown(targets: readonly Target[], split: SplitName): void {
  const key = JSON.stringify([split, targets]);
  useEffect(() => {
    const [name, wanted] = JSON.parse(key) as [SplitName, Target[]];
    liveStore.show(wanted, name);
  }, [key]);
}
