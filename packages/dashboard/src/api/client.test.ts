import { v1 } from "@moescope/proto";
import { afterEach, expect, test } from "vitest";
import { type AnsweringServer, answerProtobuf, startAnswering } from "../testing/answering-server.ts";
import { syntheticStep } from "../testing/synthetic-run.ts";
import { createClient, historyPath } from "./client.ts";

let server: AnsweringServer;
afterEach(() => server?.close());

test("a history comes back as it was sent, NaN included", async () => {
  const history = { run: "a/b", bucketWidth: 2, buckets: [syntheticStep(3)] };
  server = await startAnswering((_, response) => answerProtobuf(response, v1.History.encode(history).finish()));
  const answer = await createClient(`${server.base}/`).history({
    run: "a/b",
    split: "eval",
    from: 0,
    to: 9,
    layers: [3, 5],
  });
  expect(server.requests).toEqual(["/api/v1/runs/a%2Fb/history?split=eval&from=0&to=9&layers=3%2C5"]);
  expect(answer.bucketWidth).toBe(2);
  expect(answer.buckets[0]).toEqual(syntheticStep(3));
});

test("a probe comes back as it was sent", async () => {
  const probe = { run: "a b", steps: [99, 199], step: 99, heads: [{ layer: 1, head: 2, induction: 0.5 }] };
  server = await startAnswering((_, response) => answerProtobuf(response, v1.Probe.encode(probe).finish()));
  const client = createClient(server.base);
  expect(v1.Probe.toObject(await client.probe({ run: "a b", step: 150 }))).toEqual(probe);
  await client.probe({ run: "a b" });
  expect(server.requests).toEqual(["/api/v1/runs/a%20b/probe?step=150", "/api/v1/runs/a%20b/probe"]);
});

test("no layers is said as none", () => {
  expect(historyPath({ run: "r", layers: [] })).toBe("/api/v1/runs/r/history?layers=none");
  expect(historyPath({ run: "r" })).toBe("/api/v1/runs/r/history");
});

test("an error answer is thrown with the collector's own words and its status", async () => {
  const body = JSON.stringify({ error: { message: "run nope is unknown; known are a, b" } });
  server = await startAnswering((_, response) =>
    response.writeHead(404, { "content-type": "application/json" }).end(body),
  );
  await expect(createClient(server.base).run("nope")).rejects.toMatchObject({
    status: 404,
    message: "run nope is unknown; known are a, b",
  });
});

test("an error page of something in between is shown as far as it goes", async () => {
  server = await startAnswering((_, response) => response.writeHead(502).end("<html>bad gateway"));
  await expect(createClient(server.base).runs()).rejects.toMatchObject({
    status: 502,
    message: expect.stringContaining("bad gateway"),
  });
});

test("another program at the address is recognised", async () => {
  server = await startAnswering((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("hello"));
  await expect(createClient(server.base).runs()).rejects.toThrow(/text\/html.*is it a collector/);
});
