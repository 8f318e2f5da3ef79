// Sends what is stored to everyone who watches: each step is encoded once for each choice of layers, however many viewers there are.
import { type StepSum, withoutExperts } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { Counters } from "../counters.ts";
import type { Runs } from "../store/runs/runs.ts";
import { GatheredSteps } from "./gathered-steps.ts";
import { type FullStep, type Subscription, Viewer } from "./viewer.ts";

export interface FanOutOptions {
  runs: Runs;
  counters: Counters;
  /** Bytes queued for one viewer. */
  maxViewerBytes: number;
  /** Milliseconds. */
  heartbeatInterval: number;
}

/** A run whose values change is announced at most this often, in milliseconds; its steps go out at once. */
const SUMMARY_INTERVAL = 1_000;

export class FanOut {
  readonly #options: FanOutOptions;
  readonly #viewers = new Set<Viewer>();
  #timers: NodeJS.Timeout[] = [];
  readonly #changed = new Set<string>();
  readonly #gathered: GatheredSteps;

  constructor(options: FanOutOptions) {
    this.#options = options;
    const ranksOf = (run: string) => options.runs.description(run)?.ranks ?? 1;
    this.#gathered = new GatheredSteps(ranksOf, (sum) => this.#sendGathered(sum));
    options.runs.listen((run, change) => (change === "state" ? this.#sendSummary(run) : this.#changed.add(run)));
  }

  start(): void {
    this.#timers = [
      setInterval(() => this.#sendChanged(), SUMMARY_INTERVAL),
      setInterval(() => this.#sendHeartbeats(), this.#options.heartbeatInterval / 2),
    ];
  }

  subscribe(subscription: Subscription): Viewer {
    const { runs, maxViewerBytes } = this.#options;
    const summaries = () =>
      (subscription.runs === "all" ? runs.ids() : [...subscription.runs])
        .map((run) => runs.summary(run))
        .filter((summary) => summary !== undefined)
        .map((run) => encoded({ run }));
    const viewer = new Viewer(subscription, maxViewerBytes, summaries, (gone) => this.#viewers.delete(gone));
    this.#viewers.add(viewer);
    return viewer;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Whether a viewer may still look into the steps of a run that it was sent: those that wait are made smaller. */
  looksInto(run: string): boolean {
    return [...this.#viewers].some((viewer) => viewer.subscription.newest && viewer.follows(run));
  }

  /** Sends a stored step to the viewers that follow its run, once every rank has sent its part or is late. */
  sendStep(sum: StepSum): void {
    if ([...this.#viewers].some((viewer) => viewer.follows(sum.bucket.run))) this.#gathered.add(sum);
  }

  #sendGathered({ bucket }: StepSum): void {
    const encodings = new Map<string, Uint8Array>();
    const withCounts = (layers: Subscription["layers"]) => {
      const key = String(layers);
      const event = encodings.get(key) ?? encoded({ step: withLayers(bucket, layers) });
      encodings.set(key, event);
      return event;
    };
    for (const viewer of this.#viewers) {
      if (!viewer.follows(bucket.run)) continue;
      const { layers, newest } = viewer.subscription;
      if (newest) this.#send(viewer, withCounts("all"), { run: bucket.run, thinned: () => withCounts(layers) });
      else this.#send(viewer, withCounts(layers));
    }
  }

  sendAlert(alert: v1.Alert): void {
    const event = encoded({ alert });
    for (const viewer of this.#viewers) if (viewer.follows(alert.run)) this.#send(viewer, event);
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#gathered.flush();
    const last = encoded({ stopping: {} });
    for (const viewer of this.#viewers) {
      this.#send(viewer, last);
      viewer.close();
    }
    this.#viewers.clear();
  }

  #sendSummary(id: string): void {
    this.#changed.delete(id);
    const followers = [...this.#viewers].filter((viewer) => viewer.follows(id));
    const run = this.#options.runs.summary(id);
    if (followers.length === 0 || run === undefined) return;
    const event = encoded({ run });
    for (const viewer of followers) this.#send(viewer, event);
  }

  #sendChanged(): void {
    this.#options.runs.announceSilence();
    for (const run of this.#changed) this.#sendSummary(run);
  }

  #sendHeartbeats(): void {
    const now = performance.now();
    const event = encoded({ heartbeat: { time: Date.now() } });
    for (const viewer of this.#viewers) {
      if (now - viewer.lastSentAt >= this.#options.heartbeatInterval / 2) this.#send(viewer, event);
    }
  }

  #send(viewer: Viewer, event: Uint8Array, full?: FullStep): void {
    this.#options.counters.droppedEvents += viewer.send(event, full);
  }
}

function encoded(event: v1.LiveEvent.$Properties): Uint8Array {
  return v1.LiveEvent.encodeDelimited(event).finish();
}

/** The bucket with every expert of the chosen layers, and the metrics alone of all others. */
function withLayers(bucket: v1.StepBucket, chosen: Subscription["layers"]): v1.StepBucket.$Properties {
  if (chosen === "all") return bucket;
  const wanted = new Set(chosen === "none" ? [] : chosen);
  return {
    ...bucket,
    layers: bucket.layers.map((layer) => (wanted.has(layer.layer) ? layer : withoutExperts(layer))),
  };
}
