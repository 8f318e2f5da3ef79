import { pino } from "pino";
import { expect, test } from "vitest";
import { Sessions } from "../access/sessions.ts";
import { Tokens } from "../access/tokens.ts";
import { Condition } from "../operations/condition.ts";
import { Health } from "../operations/health.ts";
import { Refusals } from "../operations/refusals.ts";
import { nothing } from "./answers.ts";
import { errorAnswer } from "./errors.ts";
import { openApiDocument } from "./openapi/document.ts";
import { type Route, route } from "./route.ts";
import { Router } from "./router.ts";
import { healthz, readyz } from "./routes/operations.ts";

/** A router without tokens, what it logs, and how it is asked. */
function testRouter(...routes: Route[]) {
  const lines: string[] = [];
  const log = pino({ errorKey: "error" }, { write: (line: string) => void lines.push(line) });
  const tokens = new Tokens([]);
  const onError = errorAnswer(new Refusals({}, log, "request"), log, { stopping: false });
  const router = new Router({ tokens, sessions: new Sessions(tokens) }, onError);
  router.add(routes);
  const env = { incoming: { socket: { remoteAddress: "127.0.0.1" } } };
  const ask = (path: string) => router.fetch(new Request(`http://localhost${path}`), env);
  return { router, lines, ask };
}

function routeAt(path: string, handler = () => {}): Route {
  return route({ method: "get", path, summary: "A test.", right: "open", answer: nothing }, handler);
}

test("a route is described as soon as it is registered", () => {
  const { router } = testRouter(routeAt("/one"));
  router.add([routeAt("/two")]);
  expect(Object.keys(openApiDocument(router.descriptions).paths as object)).toEqual(["/one", "/two"]);
});

test("a route is registered once: the second would never be asked", () => {
  const { router } = testRouter(routeAt("/one"));
  expect(() => router.add([routeAt("/one")])).toThrow("GET /one is registered twice");
});

test("a parameter of a path is described", () => {
  const { router } = testRouter(routeAt("/layers/{layer}"));
  expect(() => openApiDocument(router.descriptions)).toThrow("/layers/{layer} has the parameter layer");
});

test("an error of the collector's own is told to the log alone", async () => {
  const failing = routeAt("/fails", () => {
    throw new Error("secret of the collector");
  });
  const { ask, lines } = testRouter(failing);
  const answer = await ask("/fails");
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ error: { message: "the collector failed to answer; its log says why" } });
  expect(lines).toEqual([expect.stringMatching(/secret of the collector.*"path":"\/fails"/)]);
});

test("a collector that does not take in runs says so as every error is said", async () => {
  const condition = new Condition(new Health());
  const { ask } = testRouter(healthz(), readyz(condition));
  expect((await ask("/readyz")).status).toBe(200);
  condition.storeAnswers(true);
  const answer = await ask("/readyz");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ error: { message: expect.stringMatching(/^the store refuses data/) } });
  expect((await ask("/healthz")).status).toBe(200);
});
