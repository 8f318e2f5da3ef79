// What protobufjs makes of the same bytes, to hold the collector's decoder against.
import { v1 } from "@moescope/proto";

/** Every field, those that were not sent included; with ordinary arrays. */
export function plain(request: v1.ReportRequest | Error | undefined): unknown {
  if (request === undefined || request instanceof Error) return request;
  return v1.ReportRequest.toObject(request, { defaults: true });
}

/** What the library itself makes of the bytes; undefined where it refuses them. */
export function byLibrary(bytes: Uint8Array): unknown {
  try {
    return plain(v1.ReportRequest.decode(bytes));
  } catch {
    return undefined;
  }
}
