// Alerts of all runs: watches the steps that are stored, and tells what fires to the log, the store, the viewers and the webhook.
import type { StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import pLimit from "p-limit";
import type { Logger } from "pino";
import type { Counters } from "../counters.ts";
import type { AlertTable } from "../store/runs/alert-table.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { AlertThresholds } from "./rules.ts";
import { RunWatch } from "./run-watch.ts";
import type { Webhook } from "./webhook.ts";
import { WholeSteps } from "./whole-steps.ts";

export interface AlertsOptions {
  thresholds: AlertThresholds;
  /** Milliseconds: runs that were silent when the collector started have this long to come back before that is an alert. */
  silentAfter: number;
  runs: Runs;
  table: AlertTable;
  /** Whether this collector is the one that judges a run. */
  watches: (run: string) => boolean;
  /** Sends an alert to the viewers of the live stream. */
  show: (alert: v1.Alert) => void;
  webhook: Webhook | undefined;
  counters: Counters;
  log: Logger;
}

/** Alerts kept of one run; a run that goes in and out of trouble more often than this has made its point. */
const MOST_OF_A_RUN = 1_000;

const { State } = v1.RunSummary;

interface Watched {
  watch: RunWatch;
  steps: WholeSteps;
}

export class Alerts {
  readonly #options: AlertsOptions;
  readonly #told = new Map<string, Map<string, v1.Alert>>();
  /** Runs that are training. */
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  readonly #saving = pLimit(1);

  /** @param stored every alert of the store */
  constructor(options: AlertsOptions, stored: readonly v1.Alert[]) {
    this.#options = options;
    for (const alert of stored) this.#remember(alert);
    options.runs.listen((run, change) => change === "state" && this.#stateChanged(run));
  }

  start(): void {
    this.#timer = setTimeout(() => this.#checkAll(), this.#options.silentAfter);
  }

  stepStored(sum: StepSum): void {
    const { run, split } = sum.bucket;
    if (split !== v1.Split.TRAIN) return;
    const { watch, steps } = this.#watching(run);
    for (const step of steps.add(sum)) this.#tell(watch.step(step));
  }

  /** All alerts of a run, in the order they fired. */
  ofRun(run: string): v1.Alert[] {
    return [...(this.#told.get(run)?.values() ?? [])].sort(
      (a, b) => a.attempt - b.attempt || a.firedStep - b.firedStep,
    );
  }

  /** Resolves when what has been told is stored. */
  async settled(): Promise<void> {
    await this.#saving(() => undefined);
  }

  /** What is stored of a run that another collector has watched until now. */
  replace(run: string, stored: readonly v1.Alert[]): void {
    this.forget(run);
    for (const alert of stored) this.#remember(alert);
  }

  /** The run has been deleted. */
  forget(run: string): void {
    this.#told.delete(run);
    this.#watched.delete(run);
  }

  /** Stores what has been told; what the webhook has not got by then is counted and logged. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#options.webhook?.stop();
    await this.settled();
  }

  #checkAll(): void {
    for (const run of this.#options.runs.ids()) this.#stateChanged(run);
  }

  #stateChanged(run: string): void {
    if (!this.#options.watches(run)) return;
    const { state } = this.#options.runs.summary(run)!;
    this.#tell(this.#watching(run).watch.silence(state === State.SILENT));
    // What has ended needs no window; if it is resumed it is measured anew.
    if (state !== State.LIVE && state !== State.SILENT) this.#watched.delete(run);
  }

  #watching(run: string): Watched {
    const known = this.#watched.get(run);
    if (known !== undefined) return known;
    const description = this.#options.runs.description(run)!;
    const lasting = this.ofRun(run).filter(({ over }) => !over);
    const trained = this.#options.runs.attempts(run).filter(({ steps }) => steps > 0);
    const watched = {
      watch: new RunWatch(description, this.#options.thresholds, lasting, trained.at(-1)),
      steps: new WholeSteps(description.ranks),
    };
    this.#watched.set(run, watched);
    return watched;
  }

  #tell(alerts: readonly v1.Alert[]): void {
    for (const alert of alerts) {
      alert.firedAt ||= Date.now();
      if (this.#remember(alert)) this.#deliver(alert);
      else this.#options.counters.suppressedAlerts++;
    }
  }

  /** @returns whether there is room for it */
  #remember(alert: v1.Alert): boolean {
    const told = this.#told.get(alert.run) ?? new Map<string, v1.Alert>();
    if (told.size >= MOST_OF_A_RUN && !told.has(alert.id)) return false;
    this.#told.set(alert.run, told.set(alert.id, alert));
    return true;
  }

  #deliver(alert: v1.Alert): void {
    const { counters, log, table, show, webhook } = this.#options;
    const { run, id, message, over, overStep } = alert;
    if (over) log.info({ run, alert: id, overStep }, `alert is over: ${message}`);
    else log.warn({ run, alert: id }, `alert: ${message}`);
    if (!over) counters.alerts++;
    show(alert);
    webhook?.send(alert);
    this.#saving(() => table.write(alert)).catch((error) => {
      log.error({ error, run, alert: id }, `an alert is not stored: ${error.message}`);
    });
  }
}
