// Everything a view needs to know about what is on screen.

import type { v1 } from "@moescope/proto";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Address } from "../address/address.ts";
import { type ChosenRun, chooseRuns, idOf, runLabels } from "./chosen-runs.ts";
import { liveStore } from "./collector.ts";
import { type Cursor, cursorOf } from "./cursor.ts";
import type { LiveSnapshot, RunTimeline } from "./live-store.ts";
import { distinctColours, runColours } from "./run-colours.ts";
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
  /** Layer of the expert views: the address's where a chosen run has it, else the first MoE layer. */
  layer: number | undefined;
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
  const { connection, dropped } = live;
  return {
    address,
    summaries,
    listError: error,
    colours,
    chosen,
    timelines,
    unknown,
    layer,
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

/** Chosen runs with the buckets of their timelines, for models. */
export function withBuckets(chosen: readonly ChosenRun[], timelines: readonly RunTimeline[]) {
  return chosen.flatMap((run) => {
    const timeline = timelines.find((each) => each.run === run.id);
    return timeline === undefined ? [] : [{ chosen: run, buckets: timeline.buckets, width: timeline.width, timeline }];
  });
}
