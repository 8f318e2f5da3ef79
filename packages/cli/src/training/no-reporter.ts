// For runs that nobody watches (`train --no-collector`): takes steps and counts them.
import type { Reporter, ReporterStatistics } from "@moescope/trainer";

export class NoReporter implements Reporter {
  #messages = 0;

  step(): void {
    this.#messages++;
  }

  async end(): Promise<ReporterStatistics> {
    this.#messages++;
    return this.statistics();
  }

  statistics(): ReporterStatistics {
    const messages = this.#messages;
    const nothing = { sent: 0, acknowledged: 0, queued: 0, spooledBytes: 0, rejected: 0 };
    return { state: "closed", messages, dropped: messages, ...nothing };
  }
}
