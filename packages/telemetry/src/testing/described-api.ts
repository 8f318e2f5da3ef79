// The API as its own description tells it: what can be asked, and whether an answer is what was said.
import { v1 } from "@moescope/proto";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";
import type { Collector } from "../index.ts";
import type { Schema } from "./described-values.ts";

export interface Parameter {
  name: string;
  in: "path" | "query";
  schema: Schema;
}

type Content = Record<string, { schema: { $ref?: string } }>;

export interface Operation {
  /** As in "GET /api/v1/runs/{id}". */
  name: string;
  method: string;
  path: string;
  /** Empty where everyone may ask. */
  security?: [];
  parameters: Parameter[];
  requestBody?: { content: { "application/json": { schema: Schema } } };
  responses: Record<string, { content?: Content }>;
}

export interface Request {
  /** In place of every parameter of the path. */
  id?: string;
  query?: Record<string, string> | [name: string, value: string][];
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  /** In place of the operation's own. */
  method?: string;
}

const PROTOBUF = "application/x-protobuf";

export class DescribedApi {
  readonly operations: readonly Operation[];
  readonly #address: string;
  readonly #headers: Record<string, string>;
  readonly #components: object;
  readonly #validators = new Map<object, ValidateFunction>();

  private constructor(address: string, token: string, { paths, components }: { paths: object; components: object }) {
    this.#address = address;
    this.#headers = { Connection: "close", Authorization: `Bearer ${token}` };
    this.#components = components;
    this.operations = Object.entries<object>(paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.entries<Operation>(methods as Record<string, Operation>).map(([method, operation]) => ({
        ...{ ...operation, method, path, name: `${method.toUpperCase()} ${path}` },
      })),
    );
  }

  /** @param token sent with every request that has no other */
  static async of({ httpAddress }: Pick<Collector, "httpAddress">, token: string): Promise<DescribedApi> {
    const answer = await fetch(`http://${httpAddress}/api/v1/openapi.json`);
    return new DescribedApi(httpAddress, token, (await answer.json()) as { paths: object; components: object });
  }

  ask(operation: Operation, { id = "", query = [], body, headers, method }: Request = {}): Promise<Response> {
    const path = operation.path.replace(/\{\w+\}/g, encodeURIComponent(id));
    return fetch(`http://${this.#address}${path}?${new URLSearchParams(query)}`, {
      method: method ?? operation.method.toUpperCase(),
      headers: { ...this.#headers, ...(body !== undefined && { "Content-Type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  /**
   * Fails where status, media type or content are none of those described.
   *
   * @param accept the media type asked for, which comes where it is described
   * @returns what an answer in JSON holds
   */
  async expectDescribed({ responses }: Operation, answer: Response, accept = "application/json"): Promise<unknown> {
    expect(Object.keys(responses)).toContain(String(answer.status));
    const { content } = responses[answer.status]!;
    const type = answer.headers.get("content-type")?.replace(/;.*/, "");
    if (content === undefined) {
      expect({ type, body: await answer.text() }).toEqual({ type: undefined, body: "" });
      return undefined;
    }
    expect(type).toBe(accept in content ? accept : Object.keys(content)[0]);
    const json = content["application/json"];
    if (type === "application/json") return this.#expectSchema(json!.schema, await answer.json());
    // Messages one after another have no form in JSON, and may have no end.
    if (type === PROTOBUF && json !== undefined) expectMessage(json.schema, new Uint8Array(await answer.arrayBuffer()));
    else await answer.body?.cancel();
    return undefined;
  }

  /** Whether a schema of the description allows it. */
  allows(schema: object, value: unknown): boolean {
    return this.#validator(schema)(value);
  }

  #expectSchema(schema: object, value: unknown): unknown {
    const validate = this.#validator(schema);
    validate(value);
    expect(validate.errors ?? []).toEqual([]);
    return value;
  }

  #validator(schema: object): ValidateFunction {
    const known = this.#validators.get(schema);
    if (known !== undefined) return known;
    const validate = new Ajv2020({ strict: false }).compile({ ...schema, components: this.#components });
    this.#validators.set(schema, validate);
    return validate;
  }
}

/** Reads bytes as the message that a schema is of. */
function expectMessage({ $ref = "" }: { $ref?: string }, bytes: Uint8Array): void {
  const messages = v1 as unknown as Record<string, { decode(bytes: Uint8Array): object }>;
  expect(messages[$ref.replace(/.*\//, "")]!.decode(bytes)).toBeDefined();
}
