// Asks every route of the description for real: whatever the description allows, and what it does not.
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { startTestCollector } from "../../testing/collector.ts";
import { DescribedApi, type Operation } from "../../testing/described-api.ts";
import { invalidText, valid, validText } from "../../testing/described-values.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";
import { API_VERSION } from "../version.ts";

const TOKEN = "admin-0123456789abcdef";
const MUCH = 1_000_000;
const collector = await startTestCollector({
  tokens: [{ token: TOKEN, role: "admin" }],
  limits: { requestsPerSecond: MUCH, viewers: MUCH, wrongTokens: MUCH },
});
afterAll(() => collector.stop());

const api = await DescribedApi.of(collector, TOKEN);
const run = describedRun("described");
const reporter = await report();
afterAll(() => reporter.close());

const named = (operations: readonly Operation[]) => operations.map((operation) => [operation.name, operation] as const);
const ofRun = api.operations.filter(({ path }) => path.includes("{id}"));
const parameters = api.operations.flatMap((operation) =>
  inQuery(operation).map((parameter) => [operation.name, parameter.name, operation, parameter] as const),
);

/** What depends on more than the description: a run has its own layers and attempts, a collector its own tokens. */
const OWN: Record<string, Record<string, fc.Arbitrary<string>>> = {
  "/api/v1/runs/{id}/history": {
    layers: fc.oneof(fc.constantFrom("none", "all"), fc.shuffledSubarray(run.moeLayers, { minLength: 1 }).map(String)),
    attempt: fc.constant("0"),
  },
  "/api/v1/runs/{id}/probe": { attempt: fc.constant("0") },
  "/api/v1/session": { token: fc.constant(TOKEN) },
};

test.each(named(api.operations))("%s answers as it says whatever it says it takes", async (_, operation) => {
  const accept = fc.constantFrom("application/json", "application/x-protobuf");
  const asked = fc.asyncProperty(queryOf(operation), bodyOf(operation), accept, async (query, body, accept) => {
    const request = { id: await idFor(operation), query, body, headers: { Accept: accept } };
    const answer = await untilNotReported(() => api.ask(operation, request));
    expect(answer.status).toBeOneOf([200, 204]);
    await api.expectDescribed(operation, answer, accept);
    const version = operation.path.startsWith("/api/") ? API_VERSION : null;
    expect(answer.headers.get("moescope-api-version")).toBe(version);
  });
  await fc.assert(asked, { numRuns: inQuery(operation).length > 0 ? 60 : 6 });
});

test.each(named(api.operations.filter(({ method }) => method === "get")))(
  "HEAD is answered as %s, without a body",
  async (_, operation) => {
    const [get, head] = [
      await api.ask(operation, { id: run.id }),
      await api.ask(operation, { id: run.id, method: "HEAD" }),
    ];
    const seen = ({ status, headers }: Response) => ({ status, type: headers.get("content-type") });
    expect(seen(head)).toEqual(seen(get));
    expect(await head.text()).toBe("");
    await get.body?.cancel();
  },
);

test("an answer that is something else would be noticed", async () => {
  const operation = api.operations.find(({ name }) => name === "GET /api/v1/runs")!;
  const { schema } = operation.responses[200]!.content!["application/json"]!;
  const answer = (await (await api.ask(operation)).json()) as { runs: { steps: unknown }[] };
  expect(api.allows(schema, answer)).toBe(true);
  answer.runs[0]!.steps = "2";
  expect(api.allows(schema, answer)).toBe(false);
});

describe("a parameter is refused by its name and with its value", () => {
  test.each(parameters)("%s %s", async (_, name, operation, { schema }) => {
    const wrong = fc.asyncProperty(invalidText(schema), async (value) => {
      const message = await refusalOf(operation, { [name]: value });
      expect(message.startsWith(`parameter ${name} is ${JSON.stringify(value)}: must be `), message).toBe(true);
    });
    await fc.assert(wrong, { numRuns: 40 });
  });

  test.each(parameters)("%s %s when it comes twice", async (_, name, operation, { schema }) => {
    const [value] = fc.sample(validText(schema), 1);
    const message = await refusalOf(operation, [
      [name, value!],
      [name, value!],
    ]);
    expect(message).toContain(`parameter ${JSON.stringify(name)} is ${JSON.stringify(value)} and `);
  });

  test.each(named(api.operations.filter((operation) => inQuery(operation).length > 0)))(
    "%s when it is unknown",
    async (_, operation) => {
      const known = inQuery(operation).map(({ name }) => name);
      const names = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "id"));
      const unknown = fc.asyncProperty(
        names.filter((name) => !known.includes(name)),
        async (name) => {
          const message = await refusalOf(operation, [[name, "1"]]);
          expect(message).toBe(`parameter ${JSON.stringify(name)} is unknown: expected one of ${known.join(", ")}`);
        },
      );
      await fc.assert(unknown, { numRuns: 40 });
    },
  );

  test.each([
    ["layers", "1,2", "has 2: the run's MoE layers are 1, 3"],
    ["attempt", "7", "is 7: the run's attempts are 0"],
  ])("%s of another run", async (name, value, why) => {
    const history = api.operations.find(({ path }) => path.endsWith("/history"))!;
    expect(await refusalOf(history, { [name]: value })).toBe(`parameter ${name} ${why}`);
  });
});

test.each(named(ofRun))("%s of no run is told so, whatever it is called", async (_, operation) => {
  // Dots alone never arrive: they are steps in a path.
  const ids = fc.string({ unit: "binary", minLength: 1 }).filter((id) => id !== run.id && !/^\.{1,2}$/.test(id));
  const unknown = fc.asyncProperty(ids, bodyOf(operation), async (id, body) => {
    const answer = await api.ask(operation, { id, body });
    expect(answer.status).toBe(404);
    expect(await messageOf(operation, answer)).toContain(`there is no run ${JSON.stringify(id)};`);
  });
  await fc.assert(unknown, { numRuns: 40 });
});

test.each(named(api.operations.filter(({ requestBody }) => requestBody !== undefined)))(
  "%s refuses exactly the bodies that it does not describe",
  async (_, operation) => {
    const { schema } = operation.requestBody!.content["application/json"];
    const bodies = fc.oneof(fc.jsonValue(), fc.record({ more: fc.jsonValue() }), valid(schema));
    const sent = fc.asyncProperty(bodies, async (body) => {
      const answer = await api.ask(operation, { id: run.id, body: JSON.stringify(body) });
      expect(answer.status === 400).toBe(!api.allows(schema, body));
      if (answer.status === 400) expect(await messageOf(operation, answer)).toMatch(/^the body is not \{/);
      else await answer.body?.cancel();
    });
    await fc.assert(sent, { numRuns: 100 });
    const broken = await api.ask(operation, { id: run.id, body: "{" });
    expect(await messageOf(operation, broken)).toMatch(/^the body is not \{/);
    const form = { headers: { "Content-Type": "text/plain" }, body: "{}" };
    expect(await messageOf(operation, await api.ask(operation, { id: run.id, ...form }))).toContain('"text/plain"');
  },
);

test.each(named(api.operations))("%s asks for a token, unless it says that it is open", async (_, operation) => {
  const [body] = fc.sample(bodyOf(operation), 1);
  const answer = await api.ask(operation, { id: "none", body, headers: { Authorization: "Bearer nobody" } });
  expect(answer.status === 401).toBe(operation.security === undefined);
  await api.expectDescribed(operation, answer);
});

test("a run that is being reported is not deleted", async () => {
  const operation = api.operations.find(({ name }) => name === "DELETE /api/v1/runs/{id}")!;
  const answer = await api.ask(operation, { id: run.id });
  expect(answer.status).toBe(409);
  expect(await messageOf(operation, answer)).toContain(run.id);
});

/** Reports a run that everything is known of, and goes on reporting it. */
async function report(): Promise<TestSender> {
  const sender = await TestSender.connect(collector.grpcAddress, run, 0, 0, { token: TOKEN });
  const attention = [{ layer: 1, head: 0, tokenClass: ["#"], share: [Number.NaN] }] as never;
  const heads = [{ layer: 1, head: 0, previousToken: 0.5 }] as never;
  sender.send({ step: randomStep(run, { sequence: 1, attention, heads }) });
  sender.send({ step: randomStep(run, { sequence: 2 }) });
  await sender.untilAcknowledged(2);
  return sender;
}

let deletable = 0;

/** The run to be asked for; where it does not survive the answer, one of its own. */
async function idFor({ method, path }: Operation): Promise<string> {
  if (method !== "delete" || !path.includes("{id}")) return run.id;
  const id = `deletable-${deletable++}`;
  (await TestSender.connect(collector.grpcAddress, describedRun(id), 0, 0, { token: TOKEN })).close();
  return id;
}

/** The collector may notice later than its sender that a run is not reported any more. */
function untilNotReported(ask: () => Promise<Response>): Promise<Response> {
  return vi.waitFor(async () => {
    const answer = await ask();
    expect(answer.status).not.toBe(409);
    return answer;
  }, 30_000);
}

function inQuery({ parameters }: Operation) {
  return parameters.filter((parameter) => parameter.in === "query");
}

function queryOf(operation: Operation): fc.Arbitrary<Record<string, string>> {
  const values = inQuery(operation).map(({ name, schema }) => [name, OWN[operation.path]?.[name] ?? validText(schema)]);
  return fc.record(Object.fromEntries(values), { requiredKeys: [] }).map(inOrder);
}

/** The last step is not before the first. */
function inOrder<Query extends { from?: string; to?: string }>(query: Query): Query {
  const { from, to } = query;
  return from !== undefined && to !== undefined && Number(from) > Number(to) ? { ...query, from: to, to: from } : query;
}

function bodyOf({ path, requestBody }: Operation): fc.Arbitrary<unknown> {
  if (requestBody === undefined) return fc.constant(undefined);
  const described = valid(requestBody.content["application/json"].schema);
  const own = OWN[path];
  return own === undefined ? described : fc.record(own);
}

async function refusalOf(operation: Operation, query: Record<string, string> | [string, string][]): Promise<string> {
  const answer = await api.ask(operation, { id: run.id, query });
  expect(answer.status).toBe(400);
  return messageOf(operation, answer);
}

async function messageOf(operation: Operation, answer: Response): Promise<string> {
  const { error } = (await api.expectDescribed(operation, answer)) as { error: { message: string } };
  return error.message;
}
