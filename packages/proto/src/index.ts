// The messages of moescope.v1 and the one method of the collector. Nothing else in the repository defines a message.
import "./wire-options.ts";
import { moescope } from "../gen/moescope.js";

export import v1 = moescope.v1;

export { layersOf } from "./layers.ts";
export { FURTHEST_TIME, LIMITS, type Limit } from "./limits.ts";

/** Version that a sender states in its Hello. A collector takes the oldest as well, and refuses any other. */
export const PROTOCOL_VERSION = 2;
export const OLDEST_PROTOCOL_VERSION = 1;

/** Initial metadata of `Collector.Report`, by which a collector says how many bytes the largest message has that it takes. */
export const MESSAGE_BYTES_METADATA = "moescope-message-bytes";

/** `Collector.Report` as a method definition for @grpc/grpc-js, for a server (`addService`) and for a client alike. */
export const collectorService = {
  report: {
    path: v1.Collector.prototype.report.path,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: v1.ReportRequest.$Properties) => Buffer.from(v1.ReportRequest.encode(message).finish()),
    requestDeserialize: (bytes: Uint8Array) => v1.ReportRequest.decode(bytes),
    responseSerialize: (message: v1.ReportResponse.$Properties) =>
      Buffer.from(v1.ReportResponse.encode(message).finish()),
    responseDeserialize: (bytes: Uint8Array) => v1.ReportResponse.decode(bytes),
  },
} as const;
