// A reporter that keeps what it is given.
import type { Reporter, ReporterStatistics, StepReport } from "../reporting/reporter.ts";

export class Recorder implements Reporter {
  readonly reports: StepReport[] = [];
  step(report: StepReport): void {
    this.reports.push(report);
  }
  async end(): Promise<ReporterStatistics> {
    return this.statistics();
  }
  statistics(): ReporterStatistics {
    const none = { messages: 0, sent: 0, acknowledged: 0, queued: 0, spooledBytes: 0, rejected: 0, dropped: 0 };
    return { state: "closed", ...none };
  }
}
