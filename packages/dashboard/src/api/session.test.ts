import { afterEach, expect, test } from "vitest";
import { type AnsweringServer, startAnswering } from "../testing/answering-server.ts";
import { CollectorError, createClient } from "./client.ts";
import { endSession, isLoggedOut, readSession } from "./session.ts";

let server: AnsweringServer;
afterEach(() => server.close());

/** Knows this browser until it logs out. */
async function start(): Promise<void> {
  let known = true;
  server = await startAnswering((request, response) => {
    const isSession = request.url === "/api/v1/session";
    if (isSession && request.method === "DELETE") {
      known = false;
      response.writeHead(204).end();
    } else if (isSession) {
      response.end(JSON.stringify({ required: true, role: known ? "read" : null }));
    } else {
      response.writeHead(known ? 500 : 401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "a token is needed" } }));
    }
  });
}

test("a session is told, and can be ended", async () => {
  await start();
  expect(await readSession(server.base)).toEqual({ required: true, role: "read" });
  await endSession(server.base);
  expect(await readSession(server.base)).toEqual({ required: true, role: null });
});

test("only 401 means that nobody is logged in", async () => {
  await start();
  const errorOf = () =>
    createClient(server.base)
      .runs()
      .then(
        () => undefined,
        (error: Error) => error,
      );
  const failed = await errorOf();
  await endSession(server.base);
  const refused = await errorOf();
  expect([failed, refused].map(isLoggedOut)).toEqual([false, true]);
  expect(refused).toBeInstanceOf(CollectorError);
  expect(isLoggedOut(undefined)).toBe(false);
});
