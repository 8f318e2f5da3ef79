export { ORIGIN } from "./access/frames.ts";
export { readTokenFile } from "./access/token-file.ts";
export { type Collector, startCollector } from "./collector.ts";
export type { CollectorOptions } from "./config.ts";
export type { Counters } from "./counters.ts";
export { baseUrl, type CollectorAddress, findCollector } from "./ownership.ts";
export { killUnlessEnded } from "./process-end.ts";
