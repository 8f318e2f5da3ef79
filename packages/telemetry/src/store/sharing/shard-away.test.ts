// Servers that hold the rows are killed in mid-run and come back, and so is the collector: senders are held back meanwhile, and what
// is stored in the end is what was sent.

import { ClickHouseServer, TEST_CLUSTER } from "@moescope/clickhouse-server";
import { expect, onTestFinished, test, vi } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { CollectorProcess } from "../../testing/collector-process.ts";
import { Ledger } from "../../testing/ledger.ts";
import { PersistentSender } from "../../testing/persistent-sender.ts";
import { describedRun } from "../../testing/runs.ts";
import { underTest } from "../../testing/store-kind.ts";
import { asNumber, type Database, select } from "../engine/database.ts";
import { openServer } from "../engine/server.ts";

const WINDOW = 12;
// Enough layers that each shard has some.
const run = describedRun("away", { moeLayers: [0, 1, 2, 3, 4, 5, 6, 7] });

async function startServers() {
  const isCluster = underTest()!.cluster !== undefined;
  const servers = await ClickHouseServer.startCluster(isCluster ? 2 : 1);
  onTestFinished(async () => {
    for (const server of servers) await server.stop();
  });
  const options = {
    clickhouseUrls: servers.map(({ url }) => url),
    clickhouseCluster: isCluster ? TEST_CLUSTER : undefined,
  };
  return { servers, options };
}

const REFUSES = "the store refuses data";
const TAKES = "the store takes data again";

/** Waits until what a collector says of its store ends with this. */
async function untilSaid(collector: Promise<CollectorProcess>, text: string): Promise<void> {
  const { log } = await collector;
  const lastSaid = () => (log().lastIndexOf(REFUSES) > log().lastIndexOf(TAKES) ? REFUSES : TAKES);
  await vi.waitFor(() => expect(lastSaid(), log()).toBe(text), 60_000);
}

test("servers and collectors are killed in turn: nothing acknowledged is lost, nothing is there twice", async () => {
  const { servers, options } = await startServers();
  const dataDirectory = temporaryDirectory();
  const start = () => CollectorProcess.start(dataDirectory, undefined, { ...options, logLevel: "info" });
  let collector = start();
  const ledger = new Ledger();
  let enough = false;
  const address = async () => (await collector).grpcAddress;
  const sender = new PersistentSender({ run, ledger, address, window: WINDOW, goesOn: () => !enough });
  const sent = sender.run();
  const untilMore = async () => {
    const before = sender.acknowledged;
    const { log } = await collector;
    await vi.waitFor(() => expect(sender.acknowledged, log()).toBeGreaterThan(before + WINDOW), 60_000);
  };
  const killed = async () => {
    for (const server of [...servers, ...servers]) {
      await untilMore();
      await server.kill();
      await untilSaid(collector, REFUSES);
      const before = sender.acknowledged;
      await vi.waitFor(() => expect(sender.made).toBe(before + WINDOW), 60_000);
      expect(sender.acknowledged).toBe(before);
      await server.start();
      await untilSaid(collector, TAKES);
    }
    await untilMore();
    // While a server is away the collector is killed as well.
    await servers.at(-1)!.kill();
    const first = await collector;
    collector = first
      .kill()
      .then(() => servers.at(-1)!.start())
      .then(start);
    await untilMore();
    enough = true;
    await sent;
  };
  // A sender that finds something lost ends the test at once.
  await Promise.race([killed(), sent.then(() => new Promise<never>(() => {}))]);
  const last = await collector;
  await ledger.expectStored(last);
  expect(await last.stop()).toBe(0);
  if (servers.length > 1) await expectOnEveryShard(await openServer(options.clickhouseUrls, TEST_CLUSTER));
}, 300_000);

/** Rows of one run lie on both shards, each layer on one. */
async function expectOnEveryShard(database: Database) {
  const layers: number[][] = [];
  for (const { client, database: own } of database.servers) {
    const rows = await select(client, `SELECT DISTINCT layer FROM ${own}.routing`);
    layers.push(rows.map(([layer]) => asNumber(layer)));
  }
  await database.close();
  expect(layers.every((ofShard) => ofShard.length > 0)).toBe(true);
  expect(layers.flat().sort()).toEqual(run.moeLayers);
}
