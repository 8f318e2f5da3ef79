// The contract of a reporter: what the train loop knows of telemetry.
import type { v1 } from "@moescope/proto";

/** A step as the train loop knows it; the reporter adds whose it is and its place in the stream. */
export type StepReport = Omit<v1.Step.$Properties, "run" | "rank" | "attempt" | "sequence">;

export interface Reporter {
  /** Takes a step. Never waits for the collector or a disk, and never throws: what cannot be kept is counted as dropped. */
  step(report: StepReport): void;

  /**
   * Says how the run ended, and waits a limited time until everything is acknowledged. Never throws. Steps given later are dropped.
   *
   * @param reason why the run failed or was stopped
   */
  end(outcome: v1.RunEnd.Outcome, reason?: string): Promise<ReporterStatistics>;

  statistics(): ReporterStatistics;
}

/**
 * `away`: the collector does not answer, trying again. `refused`: it will not take this run from this program, no use trying again.
 * `failed`: the reporter itself broke.
 */
export type ReporterState = "connecting" | "connected" | "away" | "refused" | "closed" | "failed";

export interface ReporterStatistics {
  state: ReporterState;
  /** Messages taken so far, the end of the run included; each has a sequence number. */
  messages: number;
  /** Messages handed to the connection, those sent again included. */
  sent: number;
  /** Messages that the collector has stored or rejected. */
  acknowledged: number;
  /** Messages not yet acknowledged. */
  queued: number;
  /** Bytes of messages that lie in the spool. */
  spooledBytes: number;
  /** Messages that the collector will never store, and why it said so first. */
  rejected: number;
  firstRejection?: string;
  /** Messages lost because nothing could hold them. */
  dropped: number;
  /** Where messages wait that were not acknowledged when the reporter ended; a later reporter on the same folder sends them. */
  spool?: string;
}
