// What protobufjs makes of the same bytes, to hold the collector's decoder against.
import { v1 } from "@moescope/proto";

/** With ordinary arrays. */
export function plain(request: v1.ReportRequest | Error): unknown {
  if (request instanceof Error) return request;
  for (const histogram of request.step?.histograms ?? []) {
    histogram.selectionBias = Array.from(histogram.selectionBias);
    for (const category of histogram.categories) {
      for (const field of ["counts", "gateMass", "meanProbability"] as const)
        category[field] = Array.from(category[field]);
    }
  }
  return request;
}

/** What the library itself makes of the bytes; undefined where it refuses them. */
export function byLibrary(bytes: Uint8Array): v1.ReportRequest | undefined {
  try {
    return v1.ReportRequest.decode(bytes);
  } catch {
    return undefined;
  }
}
