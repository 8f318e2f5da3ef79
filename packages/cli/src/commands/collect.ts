// `moescope collect`: the collector and the dashboard on their own, until someone says stop.
import { baseUrl, type CollectorOptions, killUnlessEnded } from "@moescope/telemetry";
import { type Command, Option } from "commander";
import { httpUrl, httpUrls, keptSteps, multipleOf32, origins, port, share, wholeNumber } from "../arguments.ts";
import { addExposureOptions, type ExposureOptions, exposureOf } from "../collecting/exposure-options.ts";
import { listening, openCollector, type Ports } from "../collecting/open-collector.ts";
import { aborted, interruptible } from "../interruption.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { defaultLogFormat, type LogFormat, logFormats, logWriter } from "../terminal/collector-log.ts";
import { note, print, printJson } from "../terminal/lines.ts";

interface CollectOptions extends Ports, ExposureOptions {
  data: string;
  clickhouse?: string[];
  cluster?: string;
  webhook?: string;
  frameIn?: string[];
  alertWindow: number;
  alertCollapse: number;
  alertDropped: number;
  durability: NonNullable<CollectorOptions["durability"]>;
  keepFree: number;
  keepSteps: NonNullable<CollectorOptions["keepSingle"]>;
  rollUpEvery: number;
  logLevel: NonNullable<CollectorOptions["logLevel"]>;
  logFormat: LogFormat;
  json?: boolean;
}

/** Milliseconds after the collector has stopped. */
const END_WITHIN = 100;

export function define(program: Command): void {
  addExposureOptions(program.command("collect").summary("run the collector and the dashboard"))
    .description(
      "Stores what runs report and serves the dashboard until Ctrl-C, for this machine alone unless --host says otherwise.",
    )
    .option("--data <dir>", "holds the store; other commands find this collector by it", defaultDataDirectory)
    .option("--clickhouse <url,...>", "store into this ClickHouse server instead of the embedded engine", httpUrls)
    .option("--cluster <name>", "spread the rows over the shards of this cluster of that server")
    .option("--http <port>", "port of the dashboard and the API (default: 4680, or the next free one)", port)
    .option("--grpc <port>", "port that runs report to (default: 4681, or the next free one)", port)
    .option(
      "--frame-in <origin,...>",
      "pages that may show the dashboard in a frame, as in http://lab:8888, or none (default: those of this machine, where no other reaches the collector and it asks for no token)",
      origins,
    )
    .option("--webhook <url>", "post every alert there as JSON", httpUrl)
    .option("--alert-window <steps>", "steps that alerts are measured over", wholeNumber(1, 100_000), 50)
    .option("--alert-collapse <share>", "alert when MaxVio is above this share of its most possible", share, 1 / 3)
    .option("--alert-dropped <share>", "alert when a layer drops more than this share of its assignments", share, 0.1)
    .addOption(
      new Option("--durability <kind>", "acknowledge what the disk has (fsync), or what the operating system has (os)")
        .choices(["fsync", "os"])
        .default("fsync"),
    )
    .option("--keep-free <MiB>", "take no more data while less of the store's disk is free", wholeNumber(0), 256)
    .option(
      "--keep-steps <which>",
      "training steps to keep one by one: all, the newest 20000 of each attempt, or those of the last 30d; of older ones exact sums of 32 steps and more",
      keptSteps,
      "all",
    )
    .option("--roll-up-every <steps>", "training steps that are added up together for history", multipleOf32, 512)
    .addOption(
      new Option("--log-level <level>", "how much of the collector's log goes to stderr")
        .choices(["debug", "info", "warn", "error", "silent"])
        .default("warn"),
    )
    .addOption(
      new Option("--log-format <form>", "a JSON object a line, or lines for a person")
        .choices(logFormats)
        .default(defaultLogFormat(), "pretty on a terminal, else json"),
    )
    .option("--json", "print the addresses as JSON")
    .action((options: CollectOptions) => interruptible((signal) => collect(options, signal)));
}

async function collect({ data, json, ...options }: CollectOptions, signal: AbortSignal): Promise<void> {
  const collector = await openCollector({
    dataDirectory: data,
    clickhouseUrls: options.clickhouse,
    clickhouseCluster: options.cluster,
    durability: options.durability,
    keepFree: options.keepFree * 2 ** 20,
    keepSingle: options.keepSteps,
    rollUpEvery: options.rollUpEvery,
    logLevel: options.logLevel,
    logTo: logWriter(options.logFormat),
    webhook: options.webhook,
    frameIn: options.frameIn,
    alerts: { window: options.alertWindow, collapse: options.alertCollapse, dropped: options.alertDropped },
    ...listening(options),
    ...exposureOf(options),
  });
  const { grpcAddress, notices } = collector;
  const dashboard = baseUrl(collector);
  for (const notice of notices) note(notice);
  if (json) printJson({ dashboard, collector: grpcAddress, data });
  else print([`Dashboard  ${dashboard}`, `Collector  ${grpcAddress}`, `Data       ${data}`, "Ctrl-C stops it."]);
  await aborted(signal);
  await collector.stop();
  killUnlessEnded(END_WITHIN);
}
