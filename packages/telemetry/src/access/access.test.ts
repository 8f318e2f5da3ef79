// Who gets in: with tokens, with certificates, with neither.
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { request } from "node:https";
import { status } from "@grpc/grpc-js";
import { PROTOCOL_VERSION } from "@moescope/proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Collector } from "../index.ts";
import { Authority } from "../testing/certificates.ts";
import { startTestCollector, temporaryDirectory, testCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { type SenderAccess, TestSender } from "../testing/sender.ts";

const ROLES = ["write", "read", "both", "admin"] as const;
const tokenOf = (role: string) => `${role}-0123456789abcdef`;
const run = describedRun("guarded");

describe("with tokens", () => {
  let collector: Collector;
  beforeAll(async () => {
    collector = await startTestCollector({ tokens: ROLES.map((role) => ({ token: tokenOf(role), role })) });
  });
  afterAll(() => collector.stop());

  const call = (path: string, role?: string, init: RequestInit = {}) => {
    const headers = { ...init.headers, ...(role && { Authorization: `Bearer ${tokenOf(role)}` }) };
    return fetch(`http://${collector.httpAddress}${path}`, { ...init, headers });
  };

  test.each([
    [undefined, status.UNAUTHENTICATED, /a token is needed, of role write, both or admin/],
    ["unknown", status.UNAUTHENTICATED, /a token is needed/],
    ["read", status.PERMISSION_DENIED, /a token of role read does not write; needed is write, both or admin/],
  ])("a sender with the token of %s is turned away before it has said anything", async (role, code, details) => {
    const before = total(collector.counters.refusedStreams);
    const sender = new TestSender(collector.grpcAddress, role === undefined ? {} : { token: tokenOf(role) });
    sender.send({ hello: { protocolVersion: PROTOCOL_VERSION, run, rank: 0, attempt: 0 } });
    const ended = await sender.status;
    expect(ended.code).toBe(code);
    expect(ended.details).toMatch(details);
    expect(total(collector.counters.refusedStreams)).toBe(before + 1);
    sender.close();
  });

  test.each(["write", "both", "admin"])("a sender with a token of role %s reports", async (role) => {
    const own = describedRun(`guarded-${role}`);
    const sender = await TestSender.connect(collector.grpcAddress, own, 0, 0, { token: tokenOf(role) });
    sender.send({ step: randomStep(own, { sequence: 1 }) });
    await sender.untilAcknowledged(1);
    sender.close();
  });

  test.each([
    ["/api/v1/runs", { none: 401, unknown: 401, write: 403, read: 200, both: 200, admin: 200 }],
    ["/api/v1/runs/guarded-write/messages", { none: 401, write: 403, read: 200 }],
    ["/api/v1/live?runs=none", { none: 401, write: 403, read: 200 }],
    ["/metrics", { none: 401, write: 403, read: 200 }],
    ["/", { none: 401, write: 401, read: 404 }], // no dashboard is built here
    ["/healthz", { none: 200 }],
    ["/readyz", { none: 200 }],
    ["/api/v1/openapi.json", { none: 200 }],
  ])("%s answers %o", async (path, expected) => {
    for (const [role, status] of Object.entries(expected)) {
      const answer = await call(path, role === "none" ? undefined : role);
      expect({ role, status: answer.status }).toEqual({ role, status });
      if (status === 401 && path !== "/") expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
      await answer.body?.cancel();
    }
  });

  test("what is described as open is, and nothing else", async () => {
    const { paths } = (await (await call("/api/v1/openapi.json")).json()) as Described;
    for (const [path, { get }] of Object.entries(paths).filter(([, methods]) => methods.get !== undefined)) {
      const answer = await call(path.replace("{id}", "guarded-write"));
      expect({ path, open: answer.status !== 401 }).toEqual({ path, open: get!.security !== undefined });
      await answer.body?.cancel();
    }
  });

  test("who may only look, or only report, writes nothing on a run", async () => {
    const headers = { "Content-Type": "application/json" };
    const annotate = (role?: string) =>
      call("/api/v1/runs/guarded-both/annotation", role, { method: "PUT", headers, body: '{"notes": "n"}' });
    for (const role of ["write", "read"]) expect((await annotate(role)).status).toBe(403);
    expect((await annotate()).status).toBe(401);
    expect((await annotate("both")).status).toBe(204);
  });

  test("only an admin deletes", async () => {
    const remove = (role?: string) => call("/api/v1/runs/guarded-both", role, { method: "DELETE" });
    for (const role of [undefined, "write", "read", "both"]) {
      expect((await remove(role)).status).toBe(role === undefined ? 401 : 403);
    }
    expect(await (await remove("both")).json()).toEqual({
      error: { message: "a token of role both does not delete; needed is admin" },
    });
    expect((await remove("admin")).status).toBe(204);
    expect((await call("/api/v1/runs/guarded-both", "read")).status).toBe(404);
  });

  describe("a browser", () => {
    const logIn = (token: string, headers: Record<string, string> = { "Content-Type": "application/json" }) =>
      call("/api/v1/session", undefined, { method: "POST", headers, body: JSON.stringify({ token }) });

    test("gets a page to log in on, whatever page it asks for, and its script", async () => {
      const answer = await call("/runs/guarded?tab=experts", undefined, { headers: { Accept: "text/html" } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'self'/);
      const page = await answer.text();
      expect(page).toContain('<script src="/login.js">');
      // No script but that one: the policy would not run it.
      expect(page.match(/<script/g)).toHaveLength(1);
      const script = await call("/login.js");
      expect(script.headers.get("content-type")).toMatch(/javascript/);
      expect(await script.text()).toContain("/api/v1/session");
    });

    test("hands in a token and is known by a cookie that no script reads and no other site sends", async () => {
      const answer = await logIn(tokenOf("read"));
      expect(await answer.json()).toEqual({ required: true, role: "read" });
      const [cookie, ...attributes] = answer.headers.get("set-cookie")!.split("; ");
      expect(attributes).toEqual(expect.arrayContaining(["HttpOnly", "SameSite=Strict", "Path=/"]));
      expect(cookie).not.toContain(tokenOf("read"));
      const withCookie = (path: string, init: RequestInit = {}) =>
        call(path, undefined, { ...init, headers: { Cookie: cookie! } });
      expect((await withCookie("/api/v1/runs")).status).toBe(200);
      expect((await withCookie("/api/v1/runs/guarded-write", { method: "DELETE" })).status).toBe(403);
      expect(await (await withCookie("/api/v1/session")).json()).toEqual({ required: true, role: "read" });
      const out = await withCookie("/api/v1/session", { method: "DELETE" });
      expect(out.headers.get("set-cookie")).toMatch(/^moescope-session=; Max-Age=0/);
      // The last letter holds four bits of it, the upper ones.
      const forged = cookie!.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
      expect((await call("/api/v1/runs", undefined, { headers: { Cookie: forged } })).status).toBe(401);
    });

    test.each([
      ["an unknown token", tokenOf("unknown"), { "Content-Type": "application/json" }, 401],
      ["what a form of another site can send", tokenOf("read"), { "Content-Type": "text/plain" }, 415],
      [
        "the page of another site",
        tokenOf("read"),
        { "Content-Type": "application/json", Origin: "http://evil.example" },
        403,
      ],
      ["more than a token", "x".repeat(5000), { "Content-Type": "application/json" }, 413],
      ["too long a token", "x".repeat(2000), { "Content-Type": "application/json" }, 400],
    ])("is refused with %s", async (_, token, headers, status) => {
      const answer = await logIn(token, headers as Record<string, string>);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("set-cookie")).toBeNull();
    });
  });

  test("what was refused is counted by its reason", () => {
    const { refusedRequests, refusedStreams } = collector.counters;
    for (const reason of ["token", "role", "origin", "body"]) expect(refusedRequests[reason]).toBeGreaterThan(0);
    expect(refusedStreams).toEqual({ token: 2, role: 1 });
  });
});

describe("whoever guesses tokens", () => {
  /** Answers of the API, asked from another address of this machine. */
  const ask = async ({ httpAddress }: Collector, from: string, path: string, token: string, body?: string) => {
    const headers = { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) };
    const method = body === undefined ? "GET" : "POST";
    const options = { agent: false, localAddress: from, method, headers };
    const call = requestPlain(`http://${httpAddress}/api/v1/${path}`, options).end(body);
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    answer.resume();
    return { status: answer.statusCode, retryAfter: Number(answer.headers["retry-after"]) };
  };
  const guess = (number: number) => `guessed-${number}-0123456789abcdef`;
  const logIn = (token: string) => JSON.stringify({ token });

  test("is slowed down, over HTTP, at the log-in and over gRPC together, and no other address is", async () => {
    const collector = await testCollector({ tokens: [{ token: tokenOf("admin") }] });
    const [here, there] = ["127.0.0.3", "127.0.0.4"];
    const statuses = [];
    for (let number = 0; number < 5; number++)
      statuses.push((await ask(collector, here, "runs", guess(number))).status);
    for (let number = 5; number < 10; number++) {
      statuses.push((await ask(collector, here, "session", "", logIn(guess(number)))).status);
    }
    expect(statuses).toEqual(Array(10).fill(401));
    // The right one too, or the answer would tell which it is.
    for (const token of [guess(10), tokenOf("admin")]) {
      for (const answer of [
        await ask(collector, here, "runs", token),
        await ask(collector, here, "session", "", logIn(token)),
      ]) {
        expect(answer.status).toBe(429);
        expect(answer.retryAfter).toBeGreaterThan(0);
        expect(answer.retryAfter).toBeLessThanOrEqual(60);
      }
    }
    expect((await ask(collector, there, "runs", tokenOf("admin"))).status).toBe(200);
    expect((await ask(collector, there, "session", "", logIn(tokenOf("admin")))).status).toBe(200);
    expect(collector.counters.refusedRequests).toEqual({ token: 10, guesses: 4 });
  });

  test("is slowed down over gRPC, and refused over HTTP then", async () => {
    const collector = await testCollector({ tokens: [{ token: tokenOf("write"), role: "write" }] });
    const codeWith = async (token: string) => {
      const sender = new TestSender(collector.grpcAddress, { token });
      sender.send({ hello: { protocolVersion: PROTOCOL_VERSION, run, rank: 0, attempt: 0 } });
      const { code } = await sender.status;
      sender.close();
      return code;
    };
    for (let number = 0; number < 10; number++) expect(await codeWith(guess(number))).toBe(status.UNAUTHENTICATED);
    expect(await codeWith(tokenOf("write"))).toBe(status.RESOURCE_EXHAUSTED);
    expect((await ask(collector, "127.0.0.1", "runs", tokenOf("write"))).status).toBe(429);
    expect((await ask(collector, "127.0.0.2", "runs", tokenOf("write"))).status).toBe(403);
    expect(collector.counters.refusedStreams).toEqual({ token: 10, guesses: 1 });
  });

  test("is not a program that shows one wrong token again and again: it keeps out no other", async () => {
    const collector = await testCollector({ tokens: [{ token: tokenOf("admin") }] });
    const statuses = [];
    for (let time = 0; time < 20; time++) statuses.push((await ask(collector, "127.0.0.1", "runs", guess(0))).status);
    expect(statuses).toEqual([...Array(10).fill(401), ...Array(10).fill(429)]);
    expect((await ask(collector, "127.0.0.1", "runs", tokenOf("admin"))).status).toBe(200);
  });
});

test("without tokens a browser is told that it needs none", async () => {
  const collector = await testCollector();
  const session = await fetch(`http://${collector.httpAddress}/api/v1/session`);
  expect(await session.json()).toEqual({ required: false, role: "admin" });
  expect(collector.notices).toEqual([]);
});

describe("where other machines can reach it", () => {
  // Not one of the hosts that count as loopback, and yet no other machine gets there.
  const host = "127.0.0.2";

  test("a token is enough, and a person is told that it crosses the network in clear", async () => {
    const options = { http: { host, port: 0 }, grpc: { host, port: 0 }, tokens: [{ token: tokenOf("admin") }] };
    const collector = await testCollector(options);
    expect(collector.httpAddress).toMatch(/^127\.0\.0\.2:/);
    expect(collector.notices).toEqual([
      expect.stringMatching(/without TLS, tokens and runs cross the network in clear/),
    ]);
    const ask = (headers: Record<string, string>) => fetch(`http://${collector.httpAddress}/api/v1/runs`, { headers });
    const authorized = { Authorization: `Bearer ${tokenOf("admin")}` };
    expect((await ask(authorized)).status).toBe(200);
    expect((await ask({})).status).toBe(401);
    expect((await ask({ ...authorized, Origin: "http://evil.example" })).status).toBe(403);
    expect((await ask({ ...authorized, Origin: `http://${collector.httpAddress}` })).status).toBe(200);
  });

  test("TLS is enough too, with a warning when clients need not show who they are", async () => {
    const authority = await Authority.create(temporaryDirectory());
    const { certFile, keyFile } = await authority.issue("collector");
    const http = { host, port: 0 };
    const collector = await testCollector({ http, grpc: http, tls: { certFile, keyFile } });
    expect(collector.tls).toBe(true);
    expect(collector.notices).toEqual([expect.stringMatching(/everyone who can connect may read, write and delete/)]);
    const answer = await getTls(collector.httpAddress, "/api/v1/runs", { ca: authority.ca });
    expect(answer.status).toBe(200);
    expect(answer.headers["strict-transport-security"]).toMatch(/max-age/);
    await expect(getTls(collector.httpAddress, "/api/v1/runs", {})).rejects.toThrow(/unable to (verify|get)/);
    const sender = await TestSender.connect(collector.grpcAddress, run, 0, 0, { ca: authority.ca });
    expect(sender.acknowledged).toBe(0);
    sender.close();
    const plain = new TestSender(collector.grpcAddress);
    expect((await plain.status).code).toBe(status.UNAVAILABLE);
    plain.close();
  });

  test("mutual TLS lets in those with a certificate of the authority alone", async () => {
    const authority = await Authority.create(temporaryDirectory());
    const { certFile, keyFile } = await authority.issue("collector");
    const client = await authority.issue("client");
    const stranger = await (await Authority.create(temporaryDirectory())).issue("stranger");
    const at = { host, port: 0 };
    const tls = { certFile, keyFile, clientCaFile: authority.caFile };
    const collector = await testCollector({ http: at, grpc: at, tls });
    expect(collector.notices).toEqual([]);
    const { ca } = authority;
    expect((await getTls(collector.httpAddress, "/api/v1/runs", { ca, ...client })).status).toBe(200);
    for (const shown of [{}, stranger]) {
      await expect(getTls(collector.httpAddress, "/api/v1/runs", { ca, ...shown })).rejects.toThrow();
      const sender = new TestSender(collector.grpcAddress, { ca, ...shown } as SenderAccess);
      expect((await sender.status).code).toBe(status.UNAVAILABLE);
      sender.close();
    }
    expect(collector.counters.refusedRequests.tls).toBeGreaterThanOrEqual(2);
    const sender = await TestSender.connect(collector.grpcAddress, run, 0, 0, { ca, ...client });
    expect(sender.acknowledged).toBe(0);
    sender.close();
  });

  test("a key that others can read is told of, and one that everyone can change is refused", async () => {
    const authority = await Authority.create(temporaryDirectory());
    const { certFile, keyFile } = await authority.issue("collector");
    chmodSync(keyFile, 0o640);
    const collector = await testCollector({ tls: { certFile, keyFile } });
    expect(collector.notices).toEqual([
      `TLS key ${keyFile} can be read by its group (mode 640); run: chmod 600 ${keyFile}`,
    ]);
    chmodSync(keyFile, 0o602);
    await expect(testCollector({ tls: { certFile, keyFile } })).rejects.toThrow(
      `TLS key ${keyFile} can be changed by every user of this machine (mode 602); run: chmod 600 ${keyFile}`,
    );
  });

  test("files that are no certificate are named", async () => {
    const authority = await Authority.create(temporaryDirectory());
    const { certFile, keyFile } = await authority.issue("collector");
    const other = await authority.issue("other");
    await expect(testCollector({ tls: { certFile: "none.pem", keyFile } })).rejects.toThrow(
      "TLS certificate none.pem cannot be read: there is no such file",
    );
    const directory = temporaryDirectory();
    await expect(testCollector({ tls: { certFile, keyFile: directory } })).rejects.toThrow(
      `TLS key ${directory} cannot be read: it is a directory`,
    );
    const mixed = testCollector({ tls: { certFile, keyFile: other.keyFile } });
    await expect(mixed).rejects.toThrow(/TLS cannot be set up with .*collector\.pem.*other\.key/);
  });
});

/** Security is empty where everyone may ask, and left out elsewhere. */
interface Described {
  paths: Record<string, { get?: { security?: [] } }>;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

async function getTls(address: string, path: string, shown: { ca?: string; cert?: string; key?: string }) {
  const [host, port] = address.split(":");
  const { ca, cert, key } = shown;
  const call = request({ host, port, path, agent: false, ca, cert, key }).end();
  const [response] = await once(call, "response");
  response.resume();
  await once(response, "end");
  return { status: response.statusCode as number, headers: response.headers };
}
