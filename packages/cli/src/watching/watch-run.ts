// Follows one run until an alert fires or the run ends.
import { type Client, type Connection, followLive } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import { note } from "../terminal/lines.ts";

const { State } = v1.RunSummary;
const running: readonly v1.RunSummary.State[] = [State.LIVE, State.SILENT];

export interface WatchOptions {
  run: string;
  /** Alerts of these rules end the watch. */
  rules: readonly v1.Alert.Rule[];
  signal: AbortSignal;
  /** Called once for every alert that lasts or fires, of any rule. */
  told: (alert: v1.Alert) => void;
}

/** How a watch ended: the run ended without an alert, or not. Undefined when the signal ended it. */
export type Watched = { alerted: true } | { alerted: false; summary: v1.RunSummary } | undefined;

/** An alert that was over before the watch began does not count. */
export async function watchRun(client: Client, options: WatchOptions): Promise<Watched> {
  const watch = new Watch(client, options);
  await followLive(client.base, {
    runs: [options.run],
    fetch: client.fetch,
    signal: AbortSignal.any([options.signal, watch.ended.signal]),
    onEvent: (event) => watch.hear(event),
    onConnection: (connection) => watch.connected(connection),
  });
  return watch.outcome;
}

class Watch {
  outcome: Watched;
  readonly ended = new AbortController();
  readonly #client: Client;
  readonly #options: WatchOptions;
  readonly #told = new Set<string>();
  #looking: Promise<void> = Promise.resolve();

  constructor(client: Client, options: WatchOptions) {
    this.#client = client;
    this.#options = options;
  }

  hear({ alert, dropped, run, stopping }: v1.LiveEvent): void {
    if (stopping) note("The collector is stopping");
    if (alert) this.#tell(alert as v1.Alert);
    if (dropped || (run && !running.includes(run.state!))) this.#look();
  }

  connected(connection: Connection): void {
    if (connection.state === "open") this.#look();
    if (connection.state === "waiting")
      note(`The run is not followed just now: ${connection.error.message}; trying again`);
  }

  /** Alerts may have fired while nobody listened. */
  #look(): void {
    this.#looking = this.#looking
      .then(() => this.#lookNow())
      .catch((error) => note(`Cannot read the alerts: ${error.message}`));
  }

  async #lookNow(): Promise<void> {
    const summary = await this.#client.run(this.#options.run);
    const { alerts } = await this.#client.alerts(this.#options.run);
    for (const alert of alerts) this.#tell(alert as v1.Alert);
    if (!running.includes(summary.state)) this.#end({ alerted: false, summary });
  }

  #tell(alert: v1.Alert): void {
    if (alert.over || this.outcome || this.#told.has(alert.id)) return;
    this.#told.add(alert.id);
    this.#options.told(alert);
    if (this.#options.rules.includes(alert.rule)) this.#end({ alerted: true });
  }

  #end(outcome: Watched): void {
    this.outcome ??= outcome;
    this.ended.abort();
  }
}
