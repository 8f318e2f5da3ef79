// What a collector counts since it started. Nothing is dropped or refused without a count.

export interface Counters {
  /** Messages stored and acknowledged: steps and ends of runs. */
  stored: number;
  /** Messages that had been received before, dropped. */
  duplicates: number;
  /** Messages refused, by the name of the reason. */
  rejected: Record<string, number>;
  /** Messages whose checksum was wrong or missing; their senders send them again. */
  damaged: number;
  /** Scalars left out of steps, because their runs have too many names of scalars already. */
  droppedScalars: number;
  /** Streams that went on later than where the store ends: what lies between is not in this store. */
  gaps: number;
  /** Times that a sender was made to wait, because too much was not stored yet. */
  waits: number;
  /** Times that writing a batch failed; it is tried again until it is stored. */
  failedWrites: number;
  /** Live events that a viewer did not get because it read too slowly. */
  droppedEvents: number;
  /** Streams of senders and HTTP requests that were turned away, by reason. */
  refusedStreams: Record<string, number>;
  refusedRequests: Record<string, number>;
  /** Alerts that fired, those that a webhook did not get, and those of runs that have too many already. */
  alerts: number;
  undeliveredAlerts: number;
  suppressedAlerts: number;
}

export function newCounters(): Counters {
  return {
    ...{
      stored: 0,
      duplicates: 0,
      rejected: {},
      damaged: 0,
      droppedScalars: 0,
      gaps: 0,
      waits: 0,
      failedWrites: 0,
      droppedEvents: 0,
    },
    ...{ refusedStreams: {}, refusedRequests: {} },
    ...{ alerts: 0, undeliveredAlerts: 0, suppressedAlerts: 0 },
  };
}
