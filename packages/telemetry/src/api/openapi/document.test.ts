import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Collector } from "../../index.ts";
import { get, startTestCollector } from "../../testing/collector.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";
import { type ApiContext, application } from "../application.ts";
import { OPERATIONS } from "./document.ts";

const run = describedRun("described");
let collector: Collector;
// biome-ignore lint/suspicious/noExplicitAny: a document whose form is what is tested
let document: any;

beforeAll(async () => {
  collector = await startTestCollector();
  document = await (await get(collector, "/api/v1/openapi.json")).json();
  const sender = await TestSender.connect(collector.grpcAddress, run);
  const attention = [{ layer: 1, head: 0, tokenClass: ["#"], share: [Number.NaN] }] as never;
  const heads = [{ layer: 1, head: 0, previousToken: 0.5 }] as never;
  sender.send({ step: randomStep(run, { sequence: 1, attention, heads }) });
  sender.send({ step: randomStep(run, { sequence: 2 }) });
  await sender.untilAcknowledged(2);
  sender.close();
});
afterAll(() => collector.stop());

test("it is an OpenAPI 3.1 document", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(document.openapi).toBe("3.1.0");
});

test("every route is in it, and nothing else", () => {
  const { routes } = application({
    ...{ reach: { loopback: true, tls: false }, limits: { requestsPerSecond: 1, requests: 1 }, operations: {} },
    ...{ access: {}, dashboardDirectory: undefined },
  } as ApiContext);
  const served = routes
    .filter(({ method, path }) => method !== "ALL" && !path.includes("*") && !["/login.js", "/logout"].includes(path))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  const described = Object.entries<object>(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual([...new Set(served)].sort());
});

test("parameters are described by what checks them", () => {
  const { parameters } = document.paths["/api/v1/runs/{id}/history"].get;
  const byName = Object.fromEntries(parameters.map((parameter: { name: string }) => [parameter.name, parameter]));
  expect(Object.keys(byName)).toEqual([
    "id",
    "split",
    "from",
    "to",
    "points",
    "layers",
    "metrics",
    "categories",
    "attempt",
  ]);
  expect(byName.split.schema).toMatchObject({ enum: ["train", "eval", "probe"], default: "train" });
  expect(byName.points.schema).toMatchObject({ type: "integer", minimum: 1, maximum: 2000 });
  expect(byName.layers.schema.pattern).toContain("none|all");
  expect(byName.from.description).toMatch(/First step/);
});

describe("real answers are what it says", () => {
  const paths = [
    ["/api/v1/runs", "/api/v1/runs"],
    ["/api/v1/runs/{id}", "/api/v1/runs/described"],
    ["/api/v1/runs/{id}/history", "/api/v1/runs/described/history?layers=all"],
    ["/api/v1/runs/{id}/history", "/api/v1/runs/described/history?points=1&from=0&to=1"],
    ["/api/v1/runs/{id}/history", "/api/v1/runs/described/history?points=0"],
    ["/api/v1/runs/{id}/probe", "/api/v1/runs/described/probe"],
    ["/api/v1/runs/{id}/alerts", "/api/v1/runs/described/alerts"],
    ["/api/v1/runs/{id}/alerts", "/api/v1/runs/nobody/alerts"],
    ["/api/v1/session", "/api/v1/session"],
  ];

  test.each(paths)("%s: %s", async (path, request) => {
    const answer = await get(collector, request!);
    expect(answer.headers.get("moescope-api-version")).toBe(document.info.version);
    const described = document.paths[path!].get.responses[answer.status].content["application/json"].schema;
    const validate = new Ajv2020({ strict: false }).compile({ ...described, components: document.components });
    validate(await answer.json());
    expect(validate.errors ?? []).toEqual([]);
  });

  test("and an answer that is something else is noticed", async () => {
    const { schema } = document.paths["/api/v1/runs"].get.responses[200].content["application/json"];
    const validate = new Ajv2020({ strict: false }).compile({ ...schema, components: document.components });
    const runs = (await (await get(collector, "/api/v1/runs")).json()) as { runs: { steps: unknown }[] };
    runs.runs[0]!.steps = "2";
    expect(validate(runs)).toBe(false);
  });
});

test("every operation has words for a person", () => {
  for (const { summary, method, path } of OPERATIONS) expect(`${method} ${path}: ${summary}`).toMatch(/\.$/);
});
