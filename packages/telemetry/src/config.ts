// What a collector can be told, with defaults; a wrong value is refused by name.
import { resolve } from "node:path";
import { z } from "zod";

/** Hosts that only this machine can reach. A collector has no authentication yet, so it listens nowhere else. */
export const LOOPBACK_HOSTS = ["127.0.0.1", "::1", "localhost"] as const;

const listenAddress = (defaultPort: number) =>
  z
    .strictObject({
      host: z.enum(LOOPBACK_HOSTS, { error: loopbackOnly }).default("127.0.0.1"),
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
  /** Store into this ClickHouse server instead of the embedded one. */
  clickhouseUrl: z.url({ protocol: /^https?$/ }).optional(),
  http: listenAddress(4680),
  grpc: listenAddress(4681),
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
    .default(32 * 1024 * 1024),
  /**
   * When a batch is acknowledged: `fsync` once it is on the disk, so that a power cut takes nothing back; `os` once the operating
   * system has it, so that a killed collector takes nothing back.
   */
  durability: z.enum(["fsync", "os"]).default("fsync"),
  /** Steps of a run that are rolled up together, for history to be read from; a multiple of 16, the width of the narrowest rollup. */
  rollUpEvery: z.int().min(16).multipleOf(16).default(512),
  /** Bytes queued for one viewer of the live stream; above it the viewer loses events and is told so. */
  maxViewerBytes: z
    .int()
    .min(1)
    .default(8 * 1024 * 1024),
  /** A viewer that got nothing for this many milliseconds gets a heartbeat. */
  heartbeatInterval: z.int().min(10).default(5_000),
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
});

/** What `startCollector` takes; everything has a default. */
export type CollectorOptions = z.input<typeof collectorConfigSchema>;
export type CollectorConfig = z.output<typeof collectorConfigSchema>;

/**
 * Fills in the defaults and checks every value.
 *
 * @throws Error that names each wrong key, its value and what is allowed
 */
export function parseCollectorConfig(options: CollectorOptions): CollectorConfig {
  const parsed = collectorConfigSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw new Error(`the collector cannot be configured like this:\n${z.prettifyError(parsed.error)}`);
}

function loopbackOnly(issue: { input?: unknown }): string {
  return `host ${JSON.stringify(issue.input)} is not allowed: only ${LOOPBACK_HOSTS.join(", ")}`;
}
