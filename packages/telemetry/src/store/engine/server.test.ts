// A server that cannot be used is refused before anything is stored, with the reason.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { TEST_PASSWORD } from "@moescope/clickhouse-server";
import { expect, onTestFinished, test } from "vitest";
import { underTest } from "../../testing/store-kind.ts";
import { openServer } from "./server.ts";

const { urls, cluster } = underTest()!;
const { host } = new URL(urls[0]!);
const withUser = (user: string) => urls.map((url) => url.replace("http://", `http://${user}@`));

/** Answers every question with this, as JSON. */
async function startAnswering(answer: unknown): Promise<string> {
  const server = createServer((_, response) => void response.end(JSON.stringify({ data: [[answer]] })));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a user with the right password is let in", async () => {
  const database = await openServer(withUser(`moescope:${TEST_PASSWORD}`), cluster);
  expect(await database.rows("SELECT currentUser()")).toEqual([["moescope"]]);
  await database.close();
});

test("a wrong password", async () => {
  await expect(openServer(withUser("moescope:wrong"), cluster)).rejects.toThrow(
    `ClickHouse at ${host} refuses user "moescope" with this password; write http://user:password@${host}`,
  );
});

test("nobody at the URL", async () => {
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  await expect(openServer([`http://127.0.0.1:${port}`], cluster)).rejects.toThrow(
    `no ClickHouse answers at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
  );
});

test("a server of an old release", async () => {
  const url = await startAnswering("22.8.5.29");
  await expect(openServer([url])).rejects.toThrow(/is version 22\.8\.5\.29; allowed are 25\.3 and later/);
});

test("a server that is something else", async () => {
  const url = await startAnswering({ hello: "world" });
  await expect(openServer([url])).rejects.toThrow(
    /no ClickHouse answers at .*: it says that its version is \{"hello":"world"\}/,
  );
});

test("a cluster that the server does not know", async () => {
  await expect(openServer(urls, "nowhere")).rejects.toThrow(
    `ClickHouse at ${host} knows no cluster "nowhere"; it knows shards`,
  );
});

test("several servers without a cluster", async () => {
  await expect(openServer([urls[0]!, urls[0]!])).rejects.toThrow(
    "2 ClickHouse servers, but no cluster is named that they belong to",
  );
});

test.runIf(cluster)("a cluster of which the URL of one server is missing", async () => {
  await expect(openServer([urls[0]!], cluster)).rejects.toThrow(
    `cluster shards: none of ${host} is shard 2 replica 1 (127.0.0.1); give the HTTP URL of every server, joined by commas`,
  );
});
