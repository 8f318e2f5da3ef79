import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { get, testCollector } from "../../testing/collector.ts";
import { API_VERSION } from "../version.ts";

interface Operation {
  operationId: string;
  summary: string;
  parameters: { name: string; schema: object; description: string }[];
}

interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
}

async function readDocument(): Promise<Document> {
  return (await get(await testCollector(), "/api/v1/openapi.json")).json() as Promise<Document>;
}

test("it is an OpenAPI 3.1 document", async () => {
  const document = await readDocument();
  const { valid, errors } = await new Validator().validate(structuredClone({ ...document }));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(document).toMatchObject({ openapi: "3.1.0", info: { version: API_VERSION } });
});

test("every operation has words for a person, and a name of its own that clients are made of", async () => {
  const operations = Object.values((await readDocument()).paths).flatMap((path) => Object.values(path));
  for (const { operationId, summary, parameters } of operations) {
    expect(`${operationId}: ${summary}`).toMatch(/^[a-z]+([A-Z][a-z]+)*: .*\.$/);
    for (const { name, description } of parameters) expect(`${operationId} ${name}: ${description}`).toMatch(/\.$/);
  }
  const names = operations.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain("getRunsIdHistory");
});

test("parameters are described by what checks them", async () => {
  const { parameters } = (await readDocument()).paths["/api/v1/runs/{id}/history"]!.get!;
  const byName = Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter]));
  const names = ["id", "split", "from", "to", "points", "buckets", "layers", "metrics", "categories", "attempt"];
  expect(Object.keys(byName)).toEqual(names);
  expect(byName.split!.schema).toMatchObject({ enum: ["train", "eval", "probe", "rollout"], default: "train" });
  expect(byName.points!.schema).toMatchObject({ type: "integer", minimum: 1, maximum: 2000, default: 400 });
  expect(byName.layers!.schema).toMatchObject({ pattern: expect.stringContaining("none|all") });
  expect(byName.from!.description).toMatch(/First step/);
});
