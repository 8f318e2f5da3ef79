// What a program that reads a collector over HTTP imports: the dashboard's own client, usable in Node and in a browser.
export { type LayerBalance, layerBalance } from "../data/layer-balance.ts";
export {
  type Client,
  CollectorError,
  createClient,
  type Fetch,
  type HistoryQuery,
  type LayerChoice,
  type ProbeQuery,
  type SplitName,
} from "./client.ts";
export { DelimitedDecoder } from "./delimited.ts";
export { type Connection, followLive, type LiveOptions } from "./live.ts";
export { Timeline } from "./timeline.ts";
