import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Collector } from "../index.ts";
import { get, startTestCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

const run = describedRun("a-run", { startedAt: 2 });
const directory = mkdtempSync(join(tmpdir(), "moescope-dashboard-"));
const dashboard = join(directory, "app");
const outside = join(directory, "outside.txt");
let collector: Collector;

beforeAll(async () => {
  mkdirSync(join(dashboard, "assets"), { recursive: true });
  writeFileSync(join(dashboard, "index.html"), "<title>moescope</title>");
  writeFileSync(join(dashboard, "assets", "app-1a2b.js"), "export {};");
  writeFileSync(outside, "secret");
  collector = await startTestCollector({ dashboardDirectory: dashboard });
  const older = await TestSender.connect(collector.grpcAddress, describedRun("older", { startedAt: 1 }));
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const nan = [v1.Scalar.create({ name: "loss", value: Number.NaN })];
  sender.send({ step: randomStep(run, { sequence: 1, scalars: nan }) });
  await sender.untilAcknowledged(1);
  for (const open of [older, sender]) open.close();
});
afterAll(async () => {
  await collector.stop();
  rmSync(directory, { recursive: true });
});

describe("answers are JSON, with names for enumerations and a string for NaN", () => {
  test("the runs, newest first", async () => {
    const answer = await get(collector, "/api/v1/runs");
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    const { runs } = (await answer.json()) as { runs: { run: { id: string } }[] };
    expect(runs.map((summary) => summary.run.id)).toEqual(["a-run", "older"]);
    expect(runs[0]).toMatchObject({ state: "LIVE", loss: "NaN", lastStep: 0, steps: 1, run: { moeLayers: [1, 3] } });
  });

  test("one run", async () => {
    const summary = await (await get(collector, "/api/v1/runs/a-run")).json();
    expect(summary).toMatchObject({ run: { id: "a-run", categories: ["code", "docs"] } });
  });

  test("its history", async () => {
    const history = (await (await get(collector, "/api/v1/runs/a-run/history?layers=3")).json()) as v1.History;
    expect(history).toMatchObject({ run: "a-run", split: "TRAIN", bucketWidth: 1 });
    const sent = randomStep(run, { sequence: 1 }).histograms[1]!;
    expect(history.buckets[0]!.layers[1]!.categories[0]!.counts).toEqual(sent.categories[0]!.counts);
    expect(history.buckets[0]!.scalars[0]).toMatchObject({ name: "loss", values: 0, nanValues: 1, last: "NaN" });
  });
});

test("the same as protobuf for those who accept it", async () => {
  const answer = await get(collector, "/api/v1/runs", { Accept: "application/x-protobuf" });
  expect(answer.headers.get("content-type")).toBe("application/x-protobuf");
  const { runs } = v1.RunList.decode(new Uint8Array(await answer.arrayBuffer()));
  expect(runs.map((summary) => summary.run.id)).toEqual(["a-run", "older"]);
  expect(runs[0]!.loss).toBeNaN();
});

test("HEAD is answered as GET is, without a body, and leaves no viewer behind", async () => {
  for (const path of ["/healthz", "/api/v1/runs", "/api/v1/live"]) {
    const { status, headers, text } = await rawAnswer(path, {}, "HEAD");
    expect({ path, status, text }).toEqual({ path, status: 200, text: "" });
    const asked = await get(collector, path);
    expect(headers["content-type"]).toBe(asked.headers.get("content-type"));
    await asked.body?.cancel();
  }
  const metrics = async () => (await get(collector, "/metrics")).text();
  await vi.waitFor(async () => expect(await metrics()).toMatch(/^moescope_viewers 0$/m));
});

describe("a wrong request is told what was expected", () => {
  const history = "/api/v1/runs/a-run/history";
  test.each([
    ["/api/v1/runs/nobody", 404, 'there is no run "nobody"; GET /api/v1/runs lists them'],
    ["/api/v1/runs/nobody/history", 404, 'there is no run "nobody"; GET /api/v1/runs lists them'],
    ["/api/v1/nothing", 404, "there is no GET /api/v1/nothing"],
    [`${history}?split=test`, 400, 'parameter split is "test": must be one of train, eval, probe, rollout'],
    [`${history}?points=0`, 400, 'parameter points is "0": must be a whole number from 1 to 2000'],
    [`${history}?points=2001`, 400, 'parameter points is "2001": must be a whole number from 1 to 2000'],
    [`${history}?from=-1`, 400, 'parameter from is "-1": must be a whole number from 0 to 9007199254740991'],
    [`${history}?from=1e3`, 400, 'parameter from is "1e3": must be a whole number from 0 to 9007199254740991'],
    [`${history}?from=9&to=8`, 400, "parameter to is 8: must be 9, the value of from, or more"],
    [`${history}?layers=x`, 400, 'parameter layers is "x": must be none, all, or layer numbers like 0,3,5'],
    [`${history}?layers=1,2`, 400, "parameter layers has 2: the run's MoE layers are 1, 3"],
    [`${history}?attempt=7`, 400, "parameter attempt is 7: the run's attempts are 0"],
    [
      `${history}?layer=1`,
      400,
      'parameter "layer" is unknown: expected one of split, from, to, points, buckets, layers, metrics, categories, attempt',
    ],
    [`${history}?layers=1&layers=3`, 400, 'parameter "layers" is "1" and "3": expected one value'],
    [`${history}?metrics=none`, 400, 'parameter metrics is "none": must be one of all, chosen'],
    [`${history}?categories=one`, 400, 'parameter categories is "one": must be one of each, together'],
    ["/api/v1/live?runs=a%20b", 400, 'parameter runs is "a b": must be all, or run ids like a,b'],
  ])("%s", async (path, status, message) => {
    const answer = await get(collector, path);
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status, body: { error: { message } } });
  });

  test("more than one answer holds", async () => {
    const big = describedRun("big", { experts: 4096, moeLayers: Array.from({ length: 60 }, (_, layer) => layer) });
    const sender = await TestSender.connect(collector.grpcAddress, big);
    const answer = await get(collector, "/api/v1/runs/big/history?layers=all&from=0&to=99");
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/100 points × 60 layers × 4096 experts × 2 categories is more than one answer/);
    sender.close();
  });
});

describe("the dashboard", () => {
  test.each(["/", "/runs/a-run?tab=experts", "/index.html"])("its page at %s", async (path) => {
    const answer = await get(collector, path);
    expect(await answer.text()).toBe("<title>moescope</title>");
    expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
  });

  test("its files, kept for ever because their names change with the content", async () => {
    const answer = await get(collector, "/assets/app-1a2b.js");
    expect(answer.headers.get("content-type")).toMatch(/^text\/javascript/);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  test("a file that is not there is missing, not the page", async () => {
    expect((await get(collector, "/assets/gone.js")).status).toBe(404);
  });

  test.each([
    ...["/../outside.txt", "/%2e%2e/outside.txt", "/assets/..%2f..%2foutside.txt", "/..%5coutside.txt"],
    ...["/%252e%252e%252foutside.txt", "/assets/....//outside.txt", "/..%00/outside.txt", "//outside.txt"],
    ...[
      "/assets/%c0%ae%c0%ae/outside.txt",
      `/${encodeURIComponent(outside)}`,
      `/assets/../../${"../".repeat(30)}etc/passwd`,
    ],
  ])("nothing outside its directory at %s", async (path) => {
    expect(existsSync(outside)).toBe(true);
    expect(await rawGet(path)).not.toMatch(/secret|root:/);
  });
});

describe("other web sites are kept out", () => {
  test.each([
    [{ Host: "evil.example" }, 'Host is "evil.example": must be one of 127.0.0.1, ::1, localhost'],
    [{ Host: "127.0.0.1.evil.example:80" }, 'Host is "127.0.0.1.evil.example:80": must be one of'],
    [{ Origin: "http://evil.example" }, 'Origin is "evil.example": must be one of'],
    [{ Origin: "null" }, 'Origin is "null": must be one of'],
  ])("%o", async (headers, message) => {
    expect(await rawGet("/api/v1/runs", headers)).toContain(JSON.stringify(message).slice(1, -1));
  });

  test.each([{ Host: "localhost:1234" }, { Host: "[::1]:80" }, { Origin: "http://localhost:5173" }])(
    "but not %o",
    async (headers) => {
      expect(await rawGet("/api/v1/runs", headers)).toContain("a-run");
    },
  );

  test("headers on every answer", async () => {
    for (const path of ["/", "/api/v1/runs", "/api/v1/runs/nobody"]) {
      const { headers } = await get(collector, path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toMatch(/^default-src 'self'; style-src 'self' 'unsafe-inline'/);
    }
    expect((await get(collector, "/api/v1/runs")).headers.get("cache-control")).toBe("no-store");
  });

  test("headers on what is refused, too, and none that open it to others", async () => {
    const { status, headers } = await rawAnswer("/api/v1/runs", { Host: "evil.example" });
    expect(status).toBe(403);
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cross-origin-opener-policy": "same-origin" });
    expect(headers["content-security-policy"]).toMatch(
      /; frame-ancestors http:\/\/localhost:\* [^;]+ https:\/\/127\.0\.0\.1:\*$/,
    );
    const origin = "http://localhost:5173";
    const asked = { Origin: origin, "Access-Control-Request-Method": "DELETE" };
    for (const method of ["OPTIONS", "GET", "DELETE", "POST"]) {
      const answer = await rawAnswer("/api/v1/runs/none", asked, method);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });
});

async function rawGet(path: string, headers: OutgoingHttpHeaders = {}): Promise<string> {
  return (await rawAnswer(path, headers)).text;
}

/** Sends path and headers as they are, which `fetch` does not. */
function rawAnswer(path: string, headers: OutgoingHttpHeaders, method = "GET") {
  const [host, port] = collector.httpAddress.split(":");
  return new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const call = request({ host, port, path, headers, method }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode!, headers: response.headers, text });
    });
    call.on("error", reject).end();
  });
}
