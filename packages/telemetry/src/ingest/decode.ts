// Bytes into messages. Nearly all of them are steps, which are read here by hand; everything else the library reads.
import { LIMITS, v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";
import type { NumberMemory } from "./number-memory.ts";
import { readStep } from "./read-step.ts";

/**
 * @param memory takes in the numbers of a step
 * @returns an Error when the bytes are no ReportRequest
 */
export function decoded(bytes: Uint8Array, memory: NumberMemory): v1.ReportRequest | Error {
  try {
    const read = readStep(bytes, memory, MOST_FIELDS);
    if (read === undefined) return v1.ReportRequest.decode(new LimitedReader(bytes));
    const step = v1.Step.decode(new LimitedReader(read.rest));
    step.histograms = read.histograms;
    return Object.assign(new v1.ReportRequest(), { step, body: "step" });
  } catch (error) {
    return error as Error;
  }
}

/** Two bytes can be a field that takes some hundred in memory: without a limit the largest message would take gigabytes. */
const MOST_FIELDS = LIMITS.fields.most;

class LimitedReader extends protobuf.Reader {
  #fields = 0;

  override tag(): number {
    if (++this.#fields > MOST_FIELDS) throw new RangeError(`more than ${MOST_FIELDS} fields in one message`);
    return super.tag();
  }
}
