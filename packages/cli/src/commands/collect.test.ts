// The collector as a command: its addresses, what stands in its way, its end.
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { anyPorts, moescope, start, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

it("serves the dashboard and the API, and stops with exit code 0 on Ctrl-C", async () => {
  const directory = temporaryDirectory();
  const { collect, http } = await startCollect(directory);
  expect(await (await fetch(`${http}/api/v1/runs`)).json()).toEqual({ runs: [] });
  expect(await (await fetch(http)).text()).toMatch(/<!doctype html>/i);
  expect((await collect.signal("SIGINT")).code).toBe(0);
  expect(existsSync(join(directory, "moescope-data", "collector.json"))).toBe(false);
});

it("refuses a data directory that another collector owns, and names that one", async () => {
  const directory = temporaryDirectory();
  const { collect, http } = await startCollect(directory);
  const { code, stderr } = await moescope(["collect"], directory);
  expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 1, lines: 1 });
  expect(stderr).toContain(http);
  expect(stderr).toContain(`pid ${collect.pid}`);
});

it("refuses a port that was asked for and is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const { code, stderr } = await moescope(["collect", "--http", String(port), "--grpc", "0"], temporaryDirectory());
  expect(stderr).toContain(`port ${port} is taken`);
  expect(code).toBe(1);
});

it("logs an object of JSON a line, or lines for a person, as much as is asked for", async () => {
  const directory = temporaryDirectory();
  const options = ["--log-level", "info", "--log-format", "json"];
  const collect = start(["collect", ...anyPorts, ...options], directory);
  const [, address] = await collect.until(/Collector +(\S+)/);
  const trained = await moescope(["train", ...tinyRun, "--steps", "1", "--collector", address!, "--json"], directory);
  const { run } = JSON.parse(trained.stdout);
  const { stderr } = await collect.signal("SIGTERM");
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  const events = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg !== "store migrated");
  expect(events).toMatchObject([
    { msg: "collector started", level: 30, tls: false },
    ...["connected", "gone"].map((what) => ({ msg: `sender ${what}`, run, rank: 0, attempt: 0 })),
    { msg: "collector stopped", counters: { rejected: {} } },
  ]);

  const readable = start(["collect", ...anyPorts, "--log-level", "info", "--log-format", "pretty"], directory);
  await readable.until(/INFO.*collector started/);
  expect((await readable.signal("SIGTERM")).stderr).not.toContain('"level"');
});

it("takes the next free port and says so when none was asked for", async () => {
  const first = start(["collect"], temporaryDirectory());
  await first.until(/Ctrl-C/);
  const second = start(["collect"], temporaryDirectory());
  await second.until(/Ctrl-C/);
  const [, taken, used] = await second.until(/port (\d+) is taken; HTTP listens on (\d+)/);
  const [, http] = await second.until(/Dashboard +http:\/\/127\.0\.0\.1:(\d+)/);
  expect(http).toBe(used);
  expect(Number(used)).toBeGreaterThan(Number(taken));
});
