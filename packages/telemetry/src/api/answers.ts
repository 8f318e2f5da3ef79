// What routes answer with: how OpenAPI describes it, and how it is written, side by side.
import type { Context } from "hono";
import type { z } from "zod";
import { type JsonSchema, outputSchema } from "./openapi/json-schema.ts";
import { PackedWriter } from "./packed-writer.ts";

export interface Answer<Value> {
  readonly status: 200 | 204;
  /** What it holds, where the summary of the route does not say. */
  readonly description?: string;
  /** Schemas by media type. */
  readonly content?: Readonly<Record<string, JsonSchema>>;
  /** Name of the message in `moescope.v1` that it is made of. */
  readonly message?: string;
  readonly write: (context: Context, value: Value) => Response | Promise<Response>;
}

export const PROTOBUF = "application/x-protobuf";
const BYTES: JsonSchema = { type: "string", format: "binary" };

// NaN is written as the string "NaN": JSON has no other way.
const AS_JSON = { json: true, enums: String, defaults: true, arrays: true, objects: true };

/** A generated class of the schema. */
interface MessageType<Message> {
  encode(message: Message, writer: PackedWriter): { finish(): Uint8Array };
  toObject(message: Message, options: object): object;
  getTypeUrl(prefix: string): string;
}

/** A message, as protobuf to those who ask for it and as JSON to everyone else. */
export function message<Message>(type: MessageType<Message>): Answer<Message> {
  const name = nameOf(type);
  return {
    status: 200,
    content: { "application/json": { $ref: `#/components/schemas/${name}` }, [PROTOBUF]: BYTES },
    message: name,
    write: (context, value) => {
      context.header("Vary", "Accept");
      if (!context.req.header("Accept")?.includes(PROTOBUF)) return context.json(type.toObject(value, AS_JSON));
      const bytes = new Uint8Array(type.encode(value, new PackedWriter()).finish());
      return context.body(bytes, 200, { "Content-Type": PROTOBUF });
    },
  };
}

/** Messages one after another, each after its length as a varint; the handler gives their bytes. */
export function stream(type: Pick<MessageType<never>, "getTypeUrl">): Answer<ReadableStream<Uint8Array>> {
  const name = nameOf(type);
  return {
    status: 200,
    description: `Messages moescope.v1.${name}, each after its length as a varint.`,
    content: { [PROTOBUF]: BYTES },
    message: name,
    write: async (context, bytes) => {
      // The body of an answer to HEAD is dropped unread: what fills the stream would wait for a reader for ever.
      if (context.req.method === "HEAD") await bytes.cancel();
      return context.body(bytes, 200, { "Content-Type": PROTOBUF });
    },
  };
}

export function json<Schema extends z.ZodType>(schema: Schema): Answer<z.output<Schema>> {
  return {
    status: 200,
    content: { "application/json": outputSchema(schema) },
    write: (context, value) => context.json(value as object),
  };
}

export interface Text {
  text: string;
  /** Without it plain text in UTF-8. */
  contentType?: string;
}

export const text: Answer<Text> = {
  status: 200,
  content: { "text/plain": { type: "string" } },
  write: (context, { text, contentType = "text/plain; charset=UTF-8" }) =>
    context.body(text, 200, { "Content-Type": contentType }),
};

export const nothing: Answer<void> = {
  status: 204,
  description: "Done.",
  write: (context) => context.body(null, 204),
};

/** As in `RunSummary`. */
function nameOf(type: { getTypeUrl(prefix: string): string }): string {
  return type.getTypeUrl("").replace(/^\/moescope\.v1\./, "");
}
