// Gives an encoded Step or RunEnd its sequence number and wraps it as a ReportRequest, without decoding it.
import { v1 } from "@moescope/proto";

// Both keep the sequence number under the same field. A field's tag is one byte as long as its number is below 16.
const [stepTag] = v1.ReportRequest.encode({ step: {} }).finish();
const [endTag] = v1.ReportRequest.encode({ end: {} }).finish();

/** @param body an encoded Step or RunEnd without a sequence number. Protobuf reads concatenated encodings as one merged message. */
export function numberedRequest(kind: "step" | "end", body: Uint8Array, sequence: number): Uint8Array {
  const number = v1.Step.encode({ sequence }).finish();
  const length = encodeVarint(body.length + number.length);
  return Buffer.concat([Uint8Array.of(kind === "step" ? stepTag! : endTag!), length, body, number]);
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Uint8Array.from([...bytes, rest]);
}
