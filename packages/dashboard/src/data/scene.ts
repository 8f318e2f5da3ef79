// Everything a view needs to know about what is on screen.

import type { v1 } from "@moescope/proto";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Address } from "../address/address.ts";
import type { SplitName } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import type { Bucket } from "./bucket.ts";
import { type ChosenRun, chooseRuns, idOf, runLabels } from "./chosen-runs.ts";
import { liveStore } from "./collector.ts";
import { type Cursor, cursorOf } from "./cursor.ts";
import { shownOf } from "./held-timelines.ts";
import type { LiveSnapshot } from "./live-store.ts";
import { distinctColours, runColours } from "./run-colours.ts";
import type { RunTimeline } from "./run-timeline.ts";
import { useRuns } from "./use-runs.ts";

export interface Scene {
  address: Address;
  /** Undefined until the collector answered for the first time. */
  summaries: readonly v1.RunSummary.$Properties[] | undefined;
  listError: Error | undefined;
  colours: ReadonlyMap<string, number>;
  chosen: readonly ChosenRun[];
  /** Timelines of the chosen runs, in their order; those that are not open yet are left out. */
  timelines: readonly RunTimeline[];
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
  dropped: number;
}

export function useScene(address: Address): Scene {
  const live = useSyncExternalStore(liveStore.subscribe, liveStore.snapshot);
  const { summaries, error } = useRuns(live.summaries);
  const own = useMemo(() => runColours((summaries ?? []).map(({ run }) => run ?? {})), [summaries]);
  const { ids, unknown } = useMemo(() => chooseRuns(address.runs, summaries ?? []), [address.runs, summaries]);
  const colours = useMemo(() => distinctColours(ids, own), [ids, own]);
  const chosen = useMemo(() => chosenRuns(ids, summaries ?? [], colours), [ids, summaries, colours]);
  const layers = useMemo(() => layersOf(chosen), [chosen]);
  const layer = address.layer !== undefined && layers.includes(address.layer) ? address.layer : layers[0];
  useShown(chosen, layer, address.split);
  const timelines = useMemo(() => chosen.flatMap(({ id }) => live.timelines.get(id) ?? []), [chosen, live.timelines]);
  const cursor = useMemo(() => cursorOf(address.step, timelines), [address.step, timelines]);
  const { connection, dropped, held } = live;
  const shown = shownOf(timelines, { split: address.split, layer });
  const settled = timelines.filter(({ status }) => status !== "loading");
  return {
    address,
    summaries,
    listError: error,
    colours,
    chosen,
    timelines,
    unknown,
    layer,
    split: shown.split,
    shownLayer: shown.layer,
    loading: summaries === undefined || held || settled.length < chosen.length,
    held,
    layers,
    cursor,
    connection,
    dropped,
  };
}

function chosenRuns(
  ids: readonly string[],
  summaries: readonly v1.RunSummary.$Properties[],
  colours: ReadonlyMap<string, number>,
): ChosenRun[] {
  const byId = new Map(summaries.map((summary) => [idOf(summary), summary]));
  const found = ids.flatMap((id) => byId.get(id) ?? []);
  const labels = runLabels(found.map(({ run }) => run ?? {}));
  return found.map((summary, place) => {
    const id = idOf(summary);
    return { id, run: summary.run ?? {}, summary, colour: colours.get(id) ?? 0, label: labels[place]! };
  });
}

function layersOf(chosen: readonly ChosenRun[]): number[] {
  return [...new Set(chosen.flatMap(({ run }) => run.moeLayers ?? []))].sort((a, b) => a - b);
}

/** Tells the store which timelines to keep, when that changes. */
function useShown(chosen: readonly ChosenRun[], layer: number | undefined, split: Address["split"]): void {
  const key = JSON.stringify([
    split,
    chosen.map(({ id, run }) => [id, layer !== undefined && run.moeLayers?.includes(layer) ? layer : null]),
  ]);
  useEffect(() => {
    const [name, targets] = JSON.parse(key) as [Address["split"], [string, number | null][]];
    liveStore.show(
      targets.map(([run, wanted]) => ({ run, layer: wanted ?? undefined })),
      name,
    );
  }, [key]);
}

/** A chosen run with its history, for models. */
export interface RunHistory {
  chosen: ChosenRun;
  buckets: readonly Bucket[];
  /** Steps in a bucket. */
  width: number;
  status: Arrival;
  newest: Bucket | undefined;
}

/** Every chosen run with the buckets of its timeline; loading until it has one. */
export function withBuckets(chosen: readonly ChosenRun[], timelines: readonly RunTimeline[]): RunHistory[] {
  return chosen.map((run) => {
    const timeline = timelines.find((each) => each.run === run.id);
    if (timeline === undefined) return { chosen: run, buckets: [], width: 1, status: "loading", newest: undefined };
    const { buckets, width, status, newest } = timeline;
    return { chosen: run, buckets, width, status, newest };
  });
}
