// What a collector can be told, with defaults; a wrong value is refused by name.
import { resolve } from "node:path";
import { LIMITS } from "@moescope/proto";
import { z } from "zod";
import { type Exposure, refuseExposure } from "./access/exposure.ts";
import { ORIGIN } from "./access/frames.ts";
import { MOST_GUESSES } from "./access/guesses.ts";
import { ROLE_NAMES } from "./access/roles.ts";
import { TOKEN, TOKEN_FORM } from "./access/tokens.ts";

/** A name or an IP address, without brackets. */
const HOST = /^([A-Za-z0-9.-]+|[0-9A-Fa-f:.]+)$/;

const listenAddress = (defaultPort: number) =>
  z
    .strictObject({
      /** One that other machines can reach needs `tokens` or `tls`. */
      host: z.string().regex(HOST, "must be a name or an IP address").default("127.0.0.1"),
      /** 0 lets the system choose. */
      port: z.int().min(0).max(65535).default(defaultPort),
    })
    .prefault({});

const collectorConfigSchema = z.strictObject({
  /** Holds the embedded store and the file that names the collector running on it. */
  dataDirectory: z
    .string()
    .min(1)
    .default("./moescope-data")
    .transform((path) => resolve(path)),
  /** Store into a ClickHouse server instead of the embedded engine. A cluster may need the URL of each of its servers. */
  clickhouseUrls: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .optional(),
  /** The cluster of those servers whose shards the rows are spread over, by its name in their configuration. */
  clickhouseCluster: z.string().min(1).optional(),
  http: listenAddress(4680),
  grpc: listenAddress(4681),
  /** With any token, every request and every stream needs one whose role allows it. Empty: whoever can connect may do everything. */
  tokens: z
    .array(
      z.strictObject({
        token: z.string().regex(TOKEN, `a token must have ${TOKEN_FORM}`),
        role: z.enum(ROLE_NAMES).default("admin"),
      }),
    )
    .default([]),
  /** PEM files; both servers then speak TLS alone. With `clientCaFile` a client must show a certificate of that authority. */
  tls: z
    .strictObject({
      certFile: z.string().min(1),
      keyFile: z.string().min(1),
      clientCaFile: z.string().min(1).optional(),
    })
    .optional(),
  /**
   * Origins of the pages that may show the dashboard in a frame, as in http://lab:8888. Absent: those of this machine where `http` listens
   * on loopback and neither a token nor a certificate is asked for, otherwise none.
   */
  frameIn: z.array(z.string().regex(ORIGIN, "must be the origin of a page, as in http://lab:8888")).optional(),
  limits: z
    .strictObject({
      /** Bytes of a message; a step of 58 layers × 256 experts × 3 categories with all its arrays has half a megabyte. */
      messageBytes: z.int().min(1024).default(LIMITS.messageBytes.most),
      /** Streams of senders at one time, of one connection and in all. */
      streamsOfConnection: z.int().min(1).default(1024),
      streams: z.int().min(1).default(4096),
      /** Milliseconds in which a stream must have sent its Hello. */
      helloWithin: z.int().min(10).default(10_000),
      /** Milliseconds: a sender whose connection answers nothing for so long, not even a ping, is taken for gone. */
      vanishedAfter: z.int().min(100).default(45_000),
      /** HTTP connections at one time, requests that are being answered at one time, and those of one address in a second. */
      connections: z.int().min(1).default(2048),
      requests: z.int().min(1).default(256),
      requestsPerSecond: z.int().min(1).default(500),
      /** Different wrong tokens that an address may show in a minute. */
      wrongTokens: z.int().min(1).default(MOST_GUESSES),
      /** Viewers of the live stream at one time. */
      viewers: z.int().min(1).default(128),
    })
    .prefault({}),
  /** When a port is taken, use the next free one and say so in `Collector.notices`. */
  portFallback: z.boolean().default(false),
  /** The built dashboard; without it only the API is served. */
  dashboardDirectory: z
    .string()
    .transform((path) => resolve(path))
    .optional(),
  /** A batch is stored this many milliseconds after its first message, or when it is large enough. */
  flushInterval: z.int().min(1).max(10_000).default(50),
  /** Most of the time that storing small batches may take: after one it rests, two seconds at most. The end of a run is never made to wait. */
  storingShare: z.number().gt(0).max(1).default(0.05),
  /** Bytes of messages received and not yet stored; above it senders are made to wait. */
  maxPendingBytes: z
    .int()
    .min(1)
    .default(12 * 1024 * 1024),
  /**
   * When a batch is acknowledged: `fsync` once it is on the disk, so that a power cut takes nothing back; `os` once the operating
   * system has it, so that a killed collector takes nothing back.
   */
  durability: z.enum(["fsync", "os"]).default("fsync"),
  /**
   * Bytes of the embedded store's disk that stay free: below, no data are taken, and nothing is merged below half of it. 0 takes all
   * there is, at the risk that decision 18 names.
   */
  keepFree: z
    .int()
    .min(0)
    .default(256 * 1024 * 1024),
  /** Steps of a run that are rolled up together, for history to be read from; a multiple of 32, the width of the narrowest rollup. */
  rollUpEvery: z.int().min(32).multipleOf(32).default(512),
  /**
   * Training steps whose histograms are stored one by one: all, the newest of each attempt, or those of the last milliseconds. Older ones
   * are kept in sums of 32 steps and more, with their extremes; scalars, evaluations and probes are kept as they are.
   */
  keepSingle: z
    .union([
      z.literal("all"),
      z.strictObject({ steps: z.int().min(1) }),
      z.strictObject({ milliseconds: z.int().min(1) }),
    ])
    .default("all"),
  /** Milliseconds between two looks for training steps that need no longer be stored one by one. */
  retentionInterval: z.int().min(10).default(15_000),
  /** Bytes queued for one viewer of the live stream; above it the viewer loses events and is told so. */
  maxViewerBytes: z
    .int()
    .min(1)
    .default(8 * 1024 * 1024),
  /** A viewer that got nothing for this many milliseconds gets a heartbeat. */
  heartbeatInterval: z.int().min(10).default(5_000),
  /** Milliseconds between two looks at what other collectors have stored, where several share a ClickHouse server. */
  followInterval: z.int().min(10).default(1_000),
  /** A run without an open stream is silent after this many milliseconds without a message. */
  silentAfter: z.int().min(10).default(30_000),
  alerts: z
    .strictObject({
      /** Training steps that collapse, dead experts and drops are measured over. */
      window: z.int().min(1).max(100_000).default(50),
      /** Collapse: MaxVio above this share of E/k - 1, the most possible. */
      collapse: z
        .number()
        .gt(0)
        .max(1)
        .default(1 / 3),
      /** Drops: more than this share of a layer's assignments. */
      dropped: z.number().gt(0).max(1).default(0.1),
    })
    .prefault({}),
  /** Every alert is posted here as JSON, when it fires and when it is over. */
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  logLevel: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
  /** Takes each line of the log, an object of JSON; standard error does when it is absent. */
  logTo: z.custom<(line: string) => void>((value) => typeof value === "function", "expected a function").optional(),
});

/** What `startCollector` takes; everything has a default. */
export type CollectorOptions = z.input<typeof collectorConfigSchema>;
export type CollectorConfig = z.output<typeof collectorConfigSchema>;

/**
 * Fills in the defaults and checks every value.
 *
 * @throws Error that names each wrong key, its value and what it must be
 */
export function parseCollectorConfig(options: CollectorOptions): CollectorConfig {
  if (options.clickhouseCluster !== undefined && options.clickhouseUrls === undefined) {
    throw new Error(
      `cluster ${options.clickhouseCluster}: the URL of a ClickHouse server that belongs to it is missing`,
    );
  }
  const parsed = collectorConfigSchema.safeParse(options);
  if (!parsed.success) {
    throw new Error(`the collector cannot be configured like this:\n${z.prettifyError(parsed.error)}`);
  }
  const refusal = refuseExposure(exposureOf(parsed.data));
  if (refusal !== undefined) throw new Error(refusal);
  return parsed.data;
}

export function exposureOf({ http, grpc, tokens, tls }: CollectorConfig): Exposure {
  return {
    hosts: [http.host, grpc.host],
    tokens: tokens.length > 0,
    tls: tls !== undefined,
    clientCertificates: tls?.clientCaFile !== undefined,
  };
}
