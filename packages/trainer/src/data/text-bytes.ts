// What counts as text: bytes that are valid UTF-8 without NUL.
import { isUtf8 } from "node:buffer";

export function isText(bytes: Uint8Array): boolean {
  return !bytes.includes(0) && isUtf8(bytes);
}
