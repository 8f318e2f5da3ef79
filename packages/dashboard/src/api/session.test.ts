import { afterEach, expect, test } from "vitest";
import { type AnsweringServer, startAnswering } from "../testing/answering-server.ts";
import { CollectorError, createClient } from "./client.ts";
import { isLoggedOut, readSession } from "./session.ts";

let server: AnsweringServer;
afterEach(() => server.close());

/** @param role what the browser may do; null: it is not known */
async function start(role: string | null): Promise<void> {
  server = await startAnswering((request, response) => {
    if (request.url === "/api/v1/session") {
      response.end(JSON.stringify({ required: true, role }));
    } else {
      response.writeHead(role === null ? 401 : 500, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "a token is needed" } }));
    }
  });
}

const errorOfRuns = () =>
  createClient(server.base)
    .runs()
    .then(
      () => undefined,
      (error: Error) => error,
    );

test("a browser that is known is told so, and other errors do not mean that it is not", async () => {
  await start("read");
  expect(await readSession(server.base)).toEqual({ required: true, role: "read" });
  const failed = await errorOfRuns();
  expect(failed).toBeInstanceOf(CollectorError);
  expect([failed, undefined].map(isLoggedOut)).toEqual([false, false]);
});

test("401 means that nobody is logged in", async () => {
  await start(null);
  expect((await readSession(server.base)).role).toBeNull();
  expect(isLoggedOut(await errorOfRuns())).toBe(true);
});
