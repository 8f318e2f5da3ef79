// The collector's HTTP API: requests and their decoded protobuf answers.
import { v1 } from "@moescope/proto";

export type SplitName = "train" | "eval" | "probe" | "rollout";

/** Layers whose counts an answer carries: none, every MoE layer, or those listed by index. */
export type LayerChoice = "none" | "all" | readonly number[];

export interface HistoryQuery {
  run: string;
  /** Default `train`. */
  split?: SplitName;
  /** First and last step, both included; default: the whole run. */
  from?: number;
  to?: number;
  /** At most this many buckets; the collector's default is 400. */
  points?: number;
  /** Default `wide`: buckets that cover the range; `single`: one step each, of the first `points` steps in it. */
  buckets?: "wide" | "single";
  /** Default `none`. */
  layers?: LayerChoice;
  /** Default `all`: metrics of every layer; `chosen`: of those in `layers`. */
  metrics?: "all" | "chosen";
  /** Default `each`: a load for each category of a layer; `together`: one for all of them. */
  categories?: "each" | "together";
  /** Default: of overlapping attempts the newest. */
  attempt?: number;
}

export interface ProbeQuery {
  run: string;
  /** The newest probe at or before this step; default: the newest. */
  step?: number;
  /** Default: of overlapping attempts the newest. */
  attempt?: number;
}

/** The collector answered with an error, or with something that is not an answer. */
export class CollectorError extends Error {
  override readonly name = "CollectorError";
  constructor(
    message: string,
    /** HTTP status of the answer. */
    readonly status: number,
  ) {
    super(message);
  }
}

/** Sends a request: `fetch`, or one that adds what a collector asks for. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Annotation {
  name: string;
  tags: string[];
  notes: string;
}

export interface Client {
  readonly base: string;
  readonly fetch: Fetch;
  runs(signal?: AbortSignal): Promise<v1.RunList>;
  run(id: string, signal?: AbortSignal): Promise<v1.RunSummary>;
  history(query: HistoryQuery, signal?: AbortSignal): Promise<v1.History>;
  /** A run that was not probed has a probe without steps. */
  probe(query: ProbeQuery, signal?: AbortSignal): Promise<v1.Probe>;
  /** In the order they fired. */
  alerts(run: string, signal?: AbortSignal): Promise<v1.AlertList>;
  /** The run as its ranks sent it: length-delimited ReportRequests, the description first. */
  messages(run: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Writes on a run what everybody sees, instead of what was written on it before. */
  annotate(run: string, annotation: Annotation, signal?: AbortSignal): Promise<void>;
  /** Deletes a run that nobody reports. */
  delete(run: string, signal?: AbortSignal): Promise<void>;
}

/**
 * A client of one collector. Every call throws {@link CollectorError} for an error answer and `TypeError` when the collector
 * cannot be reached, as `fetch` does.
 *
 * @param base address of the collector, for example `http://127.0.0.1:4680`
 * @param send how requests are sent; a browser's session and a collector without tokens need nothing but `fetch`
 */
export function createClient(base: string, send: Fetch = (url, init) => fetch(url, init)): Client {
  const root = base.replace(/\/+$/, "");
  const getStream = async (path: string, signal?: AbortSignal) => {
    const response = await send(root + path, { headers: { accept: PROTOBUF }, signal: signal ?? null });
    await refuseErrors(response);
    return response;
  };
  const get = async (path: string, signal?: AbortSignal) =>
    new Uint8Array(await (await getStream(path, signal)).arrayBuffer());
  const change = async (path: string, init: RequestInit, signal?: AbortSignal) => {
    const answer = await send(root + path, { ...init, signal: signal ?? null });
    if (!answer.ok) throw new CollectorError(await errorMessage(answer), answer.status);
  };
  return {
    base: root,
    fetch: send,
    runs: async (signal) => v1.RunList.decode(await get("/api/v1/runs", signal)),
    run: async (id, signal) => v1.RunSummary.decode(await get(runPath(id), signal)),
    history: async (query, signal) => v1.History.decode(await get(historyPath(query), signal)),
    probe: async ({ run, ...rest }, signal) =>
      v1.Probe.decode(await get(pathOf(run, "probe", parametersOf(rest)), signal)),
    alerts: async (run, signal) => v1.AlertList.decode(await get(`${runPath(run)}/alerts`, signal)),
    messages: async (run, signal) => (await getStream(`${runPath(run)}/messages`, signal)).body!,
    annotate: (run, annotation, signal) => {
      const headers = { "content-type": "application/json" };
      return change(pathOf(run, "annotation"), { method: "PUT", headers, body: JSON.stringify(annotation) }, signal);
    },
    delete: (run, signal) => change(runPath(run), { method: "DELETE" }, signal),
  };
}

/** @returns path and parameters of a history request */
export function historyPath({ run, layers, ...rest }: HistoryQuery): string {
  const parameters = parametersOf(rest);
  if (layers !== undefined) parameters.set("layers", layerParameter(layers));
  return pathOf(run, "history", parameters);
}

function parametersOf(values: Record<string, string | number | undefined>): URLSearchParams {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}

function runPath(run: string): string {
  return `/api/v1/runs/${encodeURIComponent(run)}`;
}

function pathOf(run: string, what: string, parameters = new URLSearchParams()): string {
  const query = parameters.toString();
  return `${runPath(run)}/${what}${query === "" ? "" : `?${query}`}`;
}

/** @returns the value of the `layers` parameter */
export function layerParameter(layers: LayerChoice): string {
  if (typeof layers === "string") return layers;
  return layers.length === 0 ? "none" : layers.join(",");
}

/** Accept header of every request: the messages themselves, not their JSON form. */
export const PROTOBUF = "application/x-protobuf";

/** @throws CollectorError when the answer is an error, or not protobuf (another program listens at the address) */
export async function refuseErrors(response: Response): Promise<void> {
  if (!response.ok) throw new CollectorError(await errorMessage(response), response.status);
  const type = response.headers.get("content-type") ?? "no content type";
  if (!type.startsWith(PROTOBUF)) {
    throw new CollectorError(
      `${response.url} answered with ${type}, not ${PROTOBUF}: is it a collector?`,
      response.status,
    );
  }
}

async function errorMessage(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof body.error?.message === "string") return body.error.message;
  } catch {
    // Not the collector's JSON: a proxy in between, perhaps. Its text is all there is to show.
  }
  return `${response.status} ${response.statusText}: ${text.slice(0, 200)}`;
}
