// What the end of a stream means to its sender: whether trying again can help, and what to tell a person.
import { type StatusObject, status } from "@grpc/grpc-js";

/** How a stream ended. */
export type Ended = Pick<StatusObject, "code" | "details">;

/** Statuses that trying again cannot change. */
const permanent: ReadonlySet<status> = new Set([
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
]);

export function isPermanent({ code }: Ended): boolean {
  return permanent.has(code);
}

/** Something has too little room: for one more stream, or for a message. */
export function isExhausted({ code }: Ended): boolean {
  return code === status.RESOURCE_EXHAUSTED;
}

/** For a person alone. gRPC wraps the system's error in words about its own state: what stands behind "Last error" is shown, or all of it. */
export function reasonOf({ details }: Ended): string {
  const [, error] = /Last error: (?:Error: )?(.+?)\.?(?: Resolution note:.*)?$/s.exec(details) ?? [];
  return error ?? (details || "it ended the stream");
}
