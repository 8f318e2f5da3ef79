// Where the schema lies as .proto files, for those who want it as it is written: gRPC reflection and the description of the HTTP API.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The directory that their imports are relative to. */
export const PROTO_DIRECTORY = join(dirname(createRequire(import.meta.url).resolve("@moescope/proto")), "..");

export const COLLECTOR_PROTO = "moescope/v1/collector.proto";
export const VIEW_PROTO = "moescope/v1/view.proto";
