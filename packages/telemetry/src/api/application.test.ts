// What a request passes before it is answered, in which order.
import { request } from "node:http";
import { expect, test, vi } from "vitest";
import { testCollector } from "../testing/collector.ts";

const tokenOf = (role: string) => `${role}-0123456789abcdef`;
const tokens = (["write", "read", "admin"] as const).map((role) => ({ token: tokenOf(role), role }));

/** "200", or the status and the reason as in "401 a token is needed, of role …". */
type Said = string;

/** @param role undefined for a request without a token */
async function ask(address: string, method: string, path: string, role?: string): Promise<Said> {
  const headers = { Connection: "close", ...(role && { Authorization: `Bearer ${tokenOf(role)}` }) };
  const answer = await fetch(`http://${address}${path}`, { method, headers });
  if (!answer.ok) return `${answer.status} ${await answer.text()}`.trim();
  await answer.body?.cancel();
  return String(answer.status);
}

/** A request that is being answered until its body is finished. */
function unfinishedRequest(address: string) {
  const headers = {
    Authorization: `Bearer ${tokenOf("admin")}`,
    "Content-Type": "application/json",
    "Content-Length": 2,
  };
  const call = request(`http://${address}/api/v1/runs/none/annotation`, { method: "PUT", agent: false, headers });
  call.write("{");
  const status = new Promise<number>((resolve, reject) => {
    call.on("response", (response) => resolve(response.resume().statusCode!)).on("error", reject);
  });
  return { finish: () => call.end("}"), status };
}

test("who asks is checked before how much is asked, and only what reads the store counts as asked at one time", async () => {
  const { httpAddress } = await testCollector({ tokens, limits: { requests: 1 } });
  const held = unfinishedRequest(httpAddress);
  await vi.waitFor(async () => expect(await ask(httpAddress, "GET", "/api/v1/runs", "read")).toMatch(/^503/));

  const busy = /^503 .*1 requests are being answered already; ask again in a second/;
  const expected: [method: string, path: string, role: string | undefined, said: RegExp][] = [
    ["GET", "/api/v1/runs", undefined, /^401 .*of role read, both or admin/],
    ["GET", "/api/v1/runs", "write", /^403 .*a token of role write does not read/],
    ["HEAD", "/api/v1/runs", undefined, /^401$/],
    ["HEAD", "/api/v1/runs", "read", /^503$/],
    ["DELETE", "/api/v1/runs/none", "read", /^403 .*does not delete/],
    ["DELETE", "/api/v1/runs/none", "admin", busy],
    ["PUT", "/api/v1/runs/none/annotation", "read", /^403 .*does not annotate/],
    ["PUT", "/api/v1/runs/none/annotation", "admin", busy],
    ["GET", "/api/v1/runs/none/history?points=0", "read", busy],
    ["GET", "/api/v1/runs/none/messages", "read", busy],
    ["GET", "/api/v1/nothing", undefined, /^401 /],
    ["PUT", "/api/v1/nothing", "read", /^403 /],
    ["GET", "/api/v1/nothing", "read", busy],
    ["GET", "/api/v1/live", undefined, /^401 /],
    ["GET", "/api/v1/live", "read", /^200$/],
    ["GET", "/api/v1/live?newest=no", "read", /^400 /],
    ["GET", "/api/v1/session", undefined, /^200$/],
    ["DELETE", "/api/v1/session", undefined, /^204$/],
    ["GET", "/api/v1/openapi.json", undefined, /^200$/],
    ["GET", "/healthz", undefined, /^200$/],
    ["GET", "/readyz", undefined, /^200$/],
    ["GET", "/metrics", undefined, /^401 /],
    ["GET", "/metrics", "read", /^200$/],
    ["GET", "/login.js", undefined, /^200$/],
    ["GET", "/runs/none", undefined, /^401 a token is needed$/],
    ["GET", "/runs/none", "read", /^404 The dashboard is not served here/],
  ];
  for (const [method, path, role, said] of expected) {
    expect(`${await ask(httpAddress, method, path, role)}`, `${method} ${path} as ${role}`).toMatch(said);
  }

  held.finish();
  expect(await held.status).toBe(404);
  expect(await ask(httpAddress, "GET", "/api/v1/runs", "read")).toBe("200");
  expect(await ask(httpAddress, "GET", "/api/v1/nothing", "read")).toMatch(/^404 .*there is no GET/);
  expect(await ask(httpAddress, "POST", "/api/v1/runs")).toMatch(/^404 .*there is no POST/);
});

test("how often one address asks is checked before who asks", async () => {
  const { httpAddress, counters } = await testCollector({ tokens, limits: { requestsPerSecond: 1 } });
  const said: Said[] = [];
  for (let asked = 0; asked < 8; asked++) said.push(await ask(httpAddress, "GET", "/api/v1/runs"));
  expect(said.slice(0, 5).map((each) => each.slice(0, 3))).toEqual(Array(5).fill("401"));
  expect(said.at(-1)).toMatch(/^429 /);
  expect(counters.refusedRequests.token).toBeGreaterThanOrEqual(5);
});
