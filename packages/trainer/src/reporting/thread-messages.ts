// What the training thread and the reporting thread say to each other.
import type { CollectorTarget } from "./collector-connection.ts";
import type { SpoolLimits } from "./spool.ts";

/** Given to the reporting thread when it starts. */
export interface ThreadSetup {
  target: CollectorTarget;
  /** The Hello as an encoded ReportRequest, with its checksum. */
  opening: Uint8Array;
  spoolDirectory: string;
  /** Makes the spool's folder easy to recognise. */
  label: string;
  limits: SpoolLimits;
  /** Memory of the shared Counters. */
  counters: SharedArrayBuffer;
}

/** To the reporting thread: an encoded Step or RunEnd without its sequence number. */
export type TrainingMessage =
  | { kind: "step"; body: Uint8Array }
  | { kind: "end"; body: Uint8Array; deadlineMilliseconds: number };

/** To the training thread. */
export type ReportingMessage =
  | { kind: "notice"; line: string }
  | { kind: "rejected"; reason: string }
  /** The last message. `spool`: where messages wait that were not acknowledged. */
  | { kind: "ended"; spool?: string };
