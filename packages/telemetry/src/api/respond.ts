// Answers as protobuf to those who ask for it, and as JSON to everyone else.
import type { Context } from "hono";
import { PackedWriter } from "./packed-writer.ts";

interface MessageType<T> {
  encode(message: T, writer: PackedWriter): { finish(): Uint8Array };
  toObject(message: T, options: object): object;
}

export const PROTOBUF = "application/x-protobuf";

// NaN is written as the string "NaN": JSON has no other way.
const AS_JSON = { json: true, enums: String, defaults: true, arrays: true, objects: true };

export function respond<T>(context: Context, type: MessageType<T>, message: T): Response {
  context.header("Vary", "Accept");
  if (context.req.header("Accept")?.includes(PROTOBUF)) {
    return context.body(new Uint8Array(type.encode(message, new PackedWriter()).finish()), 200, {
      "Content-Type": PROTOBUF,
    });
  }
  return context.json(type.toObject(message, AS_JSON));
}

/** A request that cannot be answered; its message is shown to the caller. */
export class RequestError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 503;

  constructor(status: RequestError["status"], message: string) {
    super(message);
    this.status = status;
  }
}

/** A request that is turned away, whatever it asks for; it is counted under its reason. */
export class Refusal extends RequestError {
  readonly reason: "host" | "origin" | "token" | "role" | "guesses" | "rate" | "busy" | "viewers" | "body";

  constructor(status: RequestError["status"], reason: Refusal["reason"], message: string) {
    super(status, message);
    this.reason = reason;
  }
}
