// Posts alerts to a URL, one after the other, each tried a few times; what cannot be delivered is counted and said in the log.
import { setTimeout as delay } from "node:timers/promises";
import { v1 } from "@moescope/proto";
import { ExponentialBackoff, fullJitterGenerator, type IBackoff } from "cockatiel";
import type { Logger } from "pino";
import type { Counters } from "../counters.ts";

export interface WebhookOptions {
  url: string;
  counters: Counters;
  log: Logger;
}

/** Alerts that wait for earlier ones to be delivered. */
const MOST_WAITING = 100;
const TRIES = 3;
/** Milliseconds at most before the second try, and before any; and for each to be answered. */
const BACK_OFF = new ExponentialBackoff({ generator: fullJitterGenerator, initialDelay: 2_000, maxDelay: 10_000 });
const ANSWER_WITHIN = 10_000;

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #stopping = new AbortController();
  #waiting: v1.Alert[] = [];
  #delivering: Promise<void> | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  send(alert: v1.Alert): void {
    if (this.#stopping.signal.aborted || this.#waiting.length >= MOST_WAITING) {
      this.#lose(alert, new Error(`${this.#waiting.length} alerts wait already`));
      return;
    }
    this.#waiting.push(alert);
    this.#delivering ??= this.#deliverAll().finally(() => {
      this.#delivering = undefined;
    });
  }

  /** Gives up what is not delivered yet. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the collector is stopping"));
    await this.#delivering;
  }

  async #deliverAll(): Promise<void> {
    for (let alert = this.#waiting.shift(); alert !== undefined; alert = this.#waiting.shift()) {
      await this.#deliver(alert).catch((error) => this.#lose(alert!, error));
    }
  }

  async #deliver(alert: v1.Alert): Promise<void> {
    let pause: IBackoff<unknown> | undefined;
    for (let tries = 1; ; tries++) {
      try {
        await this.#post(alert);
        return;
      } catch (error) {
        if (tries === TRIES || this.#stopping.signal.aborted) throw error;
        pause = (pause ?? BACK_OFF).next(undefined);
        await delay(pause.duration, undefined, { signal: this.#stopping.signal });
      }
    }
  }

  async #post(alert: v1.Alert): Promise<void> {
    const response = await fetch(this.#options.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(v1.Alert.toObject(alert, { json: true, enums: String, defaults: true, arrays: true })),
      redirect: "error",
      signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANSWER_WITHIN)]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
  }

  #lose({ run, message }: v1.Alert, error: unknown): void {
    const { counters, log, url } = this.#options;
    counters.undeliveredAlerts++;
    log.error(
      { error, run, alert: message, host: new URL(url).host },
      "an alert could not be delivered to the webhook",
    );
  }
}
