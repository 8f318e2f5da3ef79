// A message as a collector's stream has it: encoded by the library, read by the collector's own decoder.
import { v1 } from "@moescope/proto";
import { decoded } from "../ingest/decode.ts";
import { NumberPool } from "../ingest/number-memory.ts";

/** @throws Error when the decoder refuses it */
export function receivedStep(step: v1.Step.$Properties): v1.Step {
  return receivedBytes(v1.ReportRequest.encode({ step }).finish()).step as v1.Step;
}

/** @throws Error when the decoder refuses it */
export function receivedBytes(bytes: Uint8Array): v1.ReportRequest {
  const request = decoded(bytes, new NumberPool().memory(bytes.length));
  if (request instanceof Error) throw request;
  return request;
}
