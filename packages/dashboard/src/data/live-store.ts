// The timelines of the runs on screen: history once, then live steps, kept outside React and shown a few times a second.
import type { v1 } from "@moescope/proto";
import type { Client, HistoryQuery, SplitName } from "../api/client.ts";
import type { Connection } from "../api/live.ts";
import { Timeline } from "../api/timeline.ts";
import { type Alert, withAlerts } from "./alerts.ts";
import type { Arrival } from "./arrival.ts";
import type { Bucket } from "./bucket.ts";
import { attemptParameter } from "./chosen-runs.ts";
import { holdTimelines } from "./held-timelines.ts";
import { carriesAll, keepCountsOf, splitName } from "./live-step.ts";
import { LiveSubscription, type Wanted } from "./live-subscription.ts";
import { isLive } from "./run-state.ts";
import type { RunTimeline } from "./run-timeline.ts";

/** A run to show, and one of its attempts or the newest. */
export interface Target {
  run: string;
  /** Whose counts are wanted over all steps; undefined: none, and those that are here stay. */
  layer: number | undefined;
  attempt?: number | undefined;
}

export interface LiveSnapshot {
  connection: Connection | { state: "idle" };
  timelines: ReadonlyMap<string, RunTimeline>;
  /** The timelines are those of before: another split or layer of them is on its way. */
  held: boolean;
  /** Newer than what the run list was answered with. */
  summaries: ReadonlyMap<string, v1.RunSummary.$Properties>;
  /** Alerts of each run, in the order they fired. */
  alerts: ReadonlyMap<string, readonly Alert[]>;
  /** The collector's clock less this browser's, milliseconds; 0 until it told. */
  clockOffset: number;
  /** Events that the collector dropped because this page read too slowly; history has filled the gaps. */
  dropped: number;
}

export interface LiveStoreOptions {
  /** Buckets to keep for each run; default 400. */
  points?: number;
  /** Shortest time between two changes of the snapshot, milliseconds; default 200. */
  refresh?: number;
  /** Shortest time between two fetches of one run's history, milliseconds; default 1,000. */
  reload?: number;
}

interface Entry {
  target: Target;
  timeline: Timeline;
  /** Layer whose counts the timeline carries. */
  counted: number | undefined;
  status: Arrival;
  error: string | undefined;
  newest: Bucket | undefined;
  /** Live steps that came while history was under way; they are put behind it. */
  pending: Bucket[];
  /** Last step that the run was said to have when history was asked for. */
  askedFor: number;
  abort: AbortController;
  /** A history request is under way, or the last one is too recent for another. */
  request: "none" | "under way" | "resting";
  /** Another request is due after this one. */
  again: boolean;
}

/** Steps kept while history is under way; beyond that history is fetched again. */
const MOST_PENDING = 256;
/** Steps come in batches: what comes within so many milliseconds of the first is shown with it. */
const GATHERED = 25;

export class LiveStore {
  readonly #client: Client;
  readonly #options: Required<LiveStoreOptions>;
  readonly #listeners = new Set<() => void>();
  readonly #entries = new Map<string, Entry>();
  readonly #summaries = new Map<string, v1.RunSummary.$Properties>();
  #split: SplitName = "train";
  readonly #subscription: LiveSubscription;
  /** Of the views that show the newest step of every layer. */
  #newestWanted = 0;
  #streamDue = false;
  #resting = false;
  /** No stream was open since the last rest. */
  #rested = false;
  #connection: LiveSnapshot["connection"] = { state: "idle" };
  readonly #alerts = new Map<string, readonly Alert[]>();
  #clockOffset = 0;
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #snapshot: LiveSnapshot = {
    connection: { state: "idle" },
    timelines: new Map(),
    held: false,
    summaries: new Map(),
    alerts: new Map(),
    clockOffset: 0,
    dropped: 0,
  };

  constructor(client: Client, options: LiveStoreOptions = {}) {
    this.#client = client;
    this.#options = { points: 400, refresh: 200, reload: 1000, ...options };
    this.#subscription = new LiveSubscription(client.base, {
      onEvent: (event, wanted) => this.#take(event, wanted),
      onConnection: (connection, missed) => this.#connected(connection, missed),
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The same object until something changed. */
  readonly snapshot = (): LiveSnapshot => this.#snapshot;

  /** Shows these runs and no others. Cheap when nothing changes; what is missing comes from history and over a new stream. */
  show(targets: readonly Target[], split: SplitName): void {
    const wanted = new Map(targets.map((target) => [target.run, target]));
    for (const [run, entry] of this.#entries) {
      const target = wanted.get(run);
      if (target?.attempt !== entry.target.attempt || target === undefined || split !== this.#split)
        this.#forget(run, entry);
    }
    this.#split = split;
    for (const target of wanted.values()) this.#want(target);
    this.#streamChanges();
    this.#publish();
  }

  /** Keeps the newest step of every run with the counts of all layers. @returns to be called when they are no longer shown */
  keepNewest(): () => void {
    const count = (by: number) => {
      this.#newestWanted += by;
      this.#streamChanges();
    };
    count(1);
    return () => count(-1);
  }

  /** Lets the stream go until `wake`; what is here stays. */
  rest(): void {
    this.#resting = true;
    this.#openStream();
  }

  /** Opens the stream again; what came in between is fetched. */
  wake(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#rested = true;
    this.#openStream();
  }

  /** Ends the stream and every request. */
  close(): void {
    this.show([], this.#split);
    this.#openStream();
    clearTimeout(this.#timer);
  }

  #want(target: Target): void {
    const entry = this.#entries.get(target.run);
    if (entry === undefined) {
      const created = this.#create(target);
      this.#entries.set(target.run, created);
      void this.#load(created);
    } else if (target.layer !== undefined && entry.target.layer !== target.layer) {
      entry.target = target;
      entry.status = "loading";
      void this.#load(entry);
    }
  }

  #create(target: Target): Entry {
    const timeline = new Timeline(this.#options.points);
    const abort = new AbortController();
    return {
      target,
      timeline,
      counted: undefined,
      status: "loading",
      error: undefined,
      newest: undefined,
      pending: [],
      askedFor: -1,
      abort,
      request: "none",
      again: false,
    };
  }

  #forget(run: string, entry: Entry): void {
    entry.abort.abort();
    this.#entries.delete(run);
    this.#alerts.delete(run);
  }

  /** Fetches history; asked while it is under way, once more afterwards. */
  async #load(entry: Entry): Promise<void> {
    if (entry.request !== "none") {
      entry.again = true;
      return;
    }
    entry.request = "under way";
    entry.again = false;
    await this.#fetchHistory(entry);
    if (entry.abort.signal.aborted) return;
    this.#changed();
    entry.request = "resting";
    setTimeout(() => {
      entry.request = "none";
      if (entry.again && !entry.abort.signal.aborted) void this.#load(entry);
    }, this.#options.reload);
  }

  async #fetchHistory(entry: Entry): Promise<void> {
    const { run, layer } = entry.target;
    const { points } = this.#options;
    const layers = layer === undefined ? [] : [layer];
    const query = { run, split: this.#split, points, layers, ...attemptParameter(entry.target) };
    entry.askedFor = this.#summaries.get(run)?.lastStep ?? -1;
    try {
      if (!(await this.#fetchLayer(entry, query)))
        entry.timeline.load(await this.#client.history(query, entry.abort.signal));
      entry.counted = layer;
      entry.error = undefined;
      if (entry.target.layer === layer) entry.status = "ready";
      else entry.again = true;
    } catch (error) {
      // What was loaded before stays on screen; the view says that it could not be brought up to date.
      entry.status = "failed";
      entry.error = error instanceof Error ? error.message : String(error);
    }
    const pending = entry.pending;
    entry.pending = [];
    for (const step of pending) if (needsHistory(entry.timeline.append(step, this.#consecutive))) entry.again = true;
    if (entry.status === "ready" && this.#isBehind(run, entry)) entry.again = true;
  }

  /** Another layer of a run that does not grow: its counts alone. @returns false where that is not all it takes */
  async #fetchLayer(
    { target: { run, layer }, counted, timeline, abort }: Entry,
    query: HistoryQuery,
  ): Promise<boolean> {
    const grows = isLive(this.#summaries.get(run) ?? {});
    if (layer === undefined || layer === counted || timeline.buckets.length === 0 || grows) return false;
    return timeline.takeLayers(await this.#client.history({ ...query, metrics: "chosen" }, abort.signal));
  }

  get #consecutive(): boolean {
    return this.#split === "train";
  }

  /** One view goes and another comes: together they change the stream once. */
  #streamChanges(): void {
    if (this.#streamDue) return;
    this.#streamDue = true;
    queueMicrotask(() => this.#streamDue && this.#openStream());
  }

  #openStream(): void {
    this.#streamDue = false;
    const entries = [...this.#entries];
    const layers = new Set(entries.flatMap(([, { target }]) => target.layer ?? []));
    const newest = this.#newestWanted > 0;
    if (!newest) for (const [, entry] of entries) entry.newest = undefined;
    this.#subscription.want({
      runs: this.#resting ? [] : entries.map(([run]) => run).sort(),
      layers: [...layers].sort((a, b) => a - b),
      newest,
    });
  }

  /** @param missed whether the stream was broken; otherwise steps that are missing show as a gap, where there may be none */
  #connected(connection: LiveSnapshot["connection"], missed: boolean): void {
    this.#connection = connection;
    if (connection.state === "open") {
      const again = missed || this.#rested;
      this.#rested = false;
      for (const [run, entry] of this.#entries) {
        if (again || !this.#showsGaps(entry)) void this.#load(entry);
        if (again || !this.#alerts.has(run)) void this.#loadAlerts(run, entry.abort.signal);
      }
    }
    this.#publish();
  }

  /** Those that fired before the stream was open. Each alert that is told live comes over the stream. */
  async #loadAlerts(run: string, signal: AbortSignal): Promise<void> {
    try {
      this.#takeAlerts(run, (await this.#client.alerts(run, signal)).alerts);
    } catch (error) {
      // The history of the same run fails too, and says so on screen; the next connection asks again.
      if (!signal.aborted) console.warn(`the alerts of ${run} could not be fetched: ${error}`);
    }
  }

  #takeAlerts(run: string, told: readonly Alert[]): void {
    if (!this.#entries.has(run)) return;
    this.#alerts.set(run, withAlerts(this.#alerts.get(run) ?? [], told));
    this.#changed();
  }

  #take(event: v1.LiveEvent, wanted: Wanted): void {
    if (event.step) this.#takeStep(event.step, wanted);
    if (event.alert) this.#takeAlerts(event.alert.run ?? "", [event.alert]);
    if (event.heartbeat?.time) this.#clockOffset = event.heartbeat.time - Date.now();
    if (event.run?.run) this.#takeSummary(event.run.run.id ?? "", event.run);
    if (event.dropped) {
      this.#dropped += event.dropped.events ?? 0;
      for (const entry of this.#entries.values()) void this.#load(entry);
    }
  }

  #takeSummary(run: string, summary: v1.RunSummary.$Properties): void {
    this.#summaries.set(run, summary);
    const entry = this.#entries.get(run);
    if (entry?.status === "ready" && this.#isBehind(run, entry)) void this.#load(entry);
    this.#changed();
  }

  /** Whether the run has steps that did not come, and that were not asked for in vain already. */
  #isBehind(run: string, entry: Entry): boolean {
    const { steps = 0, lastStep = 0 } = this.#summaries.get(run) ?? {};
    return this.#showsGaps(entry) && steps > 0 && lastStep > Math.max(entry.timeline.lastStep, entry.askedFor);
  }

  /** Whether the steps that come, and what the summary says of them, tell of steps that did not. */
  #showsGaps({ target }: Entry): boolean {
    return this.#consecutive && target.attempt === undefined;
  }

  #takeStep(step: Bucket, wanted: Wanted): void {
    const entry = this.#entries.get(step.run ?? "");
    if (entry === undefined || splitName(step.split) !== this.#split) return;
    if (entry.target.attempt !== undefined && (step.attempt ?? 0) !== entry.target.attempt) return;
    if (this.#newestWanted > 0 && carriesAll(step, wanted) && !isBefore(step, entry.newest)) entry.newest = step;
    this.#changed();
    const { layer } = entry.target;
    // From a stream that was opened before this layer was asked for; the one that takes over brings its counts.
    if (layer !== undefined && !wanted.layers.includes(layer)) return;
    const slim = { ...step, layers: keepCountsOf(step, layer) };
    if (entry.request === "under way") this.#putAside(entry, slim);
    if (entry.status === "ready" && needsHistory(entry.timeline.append(slim, this.#consecutive)))
      void this.#load(entry);
  }

  #putAside(entry: Entry, step: Bucket): void {
    if (entry.pending.length < MOST_PENDING) entry.pending.push(step);
    else entry.again = true;
  }

  #changed(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(GATHERED, this.#publishedAt + this.#options.refresh - performance.now());
    this.#timer = setTimeout(() => this.#publish(), wait);
  }

  #publish(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#publishedAt = performance.now();
    const now = new Map([...this.#entries].map(([run, entry]) => [run, timelineOf(run, this.#split, entry)]));
    this.#snapshot = {
      connection: this.#connection,
      ...holdTimelines(this.#snapshot.timelines, now),
      summaries: new Map(this.#summaries),
      alerts: new Map(this.#alerts),
      clockOffset: this.#clockOffset,
      dropped: this.#dropped,
    };
    for (const listener of this.#listeners) listener();
  }
}

function needsHistory(outcome: ReturnType<Timeline["append"]>): boolean {
  return outcome === "gap" || outcome === "rewound" || outcome === "late";
}

/** Of the same attempt, and earlier: a rank was late. */
function isBefore(step: Bucket, other: Bucket | undefined): boolean {
  return (step.attempt ?? 0) === (other?.attempt ?? 0) && (step.firstStep ?? 0) < (other?.firstStep ?? 0);
}

function timelineOf(run: string, split: SplitName, entry: Entry): RunTimeline {
  const { target, timeline, counted, status, error, newest } = entry;
  const { width } = timeline;
  const { attempt, layer: wanted } = target;
  return { run, split, layer: counted, wanted, attempt, status, error, buckets: [...timeline.buckets], width, newest };
}
