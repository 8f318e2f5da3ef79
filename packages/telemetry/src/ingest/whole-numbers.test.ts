// 64-bit numbers beyond what JavaScript's are exact for, written as the varints that other languages send: refused by name, never rounded.
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { COLLECTOR_PROTO, PROTO_DIRECTORY } from "../proto-files.ts";
import { receivedBytes } from "../testing/received.ts";
import type { Refusal } from "./refusal.ts";
import { checkWholes } from "./refusal.ts";
import { checkEnd, checkStep } from "./validate.ts";
import { checkDescription } from "./validate-description.ts";

/** As the library writes one of 64 bits; its types say number. */
type Whole = number & { low: number; high: number };

/** Where every 64-bit field of a sender's messages stands. */
const FIELDS: Record<string, (value: Whole) => v1.ReportRequest.$Properties> = {
  "Step.sequence": (sequence) => ({ step: { sequence } }),
  "Step.step": (step) => ({ step: { step } }),
  "Step.tokens": (tokens) => ({ step: { tokens } }),
  "CategoryRouting.tokens": (tokens) => routing({ tokens }),
  "CategoryRouting.dropped": (dropped) => routing({ dropped }),
  "CategoryRouting.assignments": (assignments) => routing({ assignments }),
  "RouterSaturation.earlier_step": (step) => ({
    step: { saturation: [{ layer: 1, earlierStep: [step], share: [1] }] },
  }),
  "RunEnd.sequence": (sequence) => ({ end: { sequence, outcome: 1 } }),
  "RunDescription.planned_steps": (plannedSteps) => ({ hello: { run: { ...described, plannedSteps } } }),
  "RunDescription.tokens_per_step": (tokensPerStep) => ({ hello: { run: { ...described, tokensPerStep } } }),
};

const described = { id: "run", ranks: 1, categories: ["all"], layers: [{ index: 1, experts: 1, topK: 1 }] };

function routing(numbers: v1.CategoryRouting.$Properties): v1.ReportRequest.$Properties {
  return { step: { histograms: [{ layer: 1, categories: [{ counts: [1], ...numbers }] }] } };
}

const MOST = 2n ** 53n - 1n;
const values = fc
  .tuple(fc.constantFrom(2n ** 32n, 2n ** 49n, 2n ** 53n, 2n ** 63n, 2n ** 64n), fc.bigInt({ min: -40n, max: 40n }))
  .map(([around, off]) => around + off)
  .filter((value) => value < 2n ** 64n);

function halves(value: bigint): Whole {
  return { low: Number(value & 0xffffffffn), high: Number(value >> 32n) } as Whole;
}

/** @returns why a collector would refuse the message, whose steps are those of the run above */
function check({ hello, step, end }: v1.ReportRequest): Refusal | undefined {
  if (hello) return checkDescription(hello.run!, 0);
  const refused = checkWholes("message:", { sequence: (step ?? end)!.sequence });
  if (refused || end) return refused ?? checkEnd(end!);
  return checkStep(Object.assign(step!, { split: v1.Split.TRAIN }) as v1.Step, new v1.RunDescription(described));
}

test("every 64-bit field of a sender's messages is here", () => {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => `${PROTO_DIRECTORY}/${target}`;
  root.loadSync(COLLECTOR_PROTO).resolveAll();
  const fields = new Set<string>();
  const visit = (type: protobuf.Type) => {
    for (const field of type.fieldsArray) {
      if (field.type === "uint64")
        fields.add(`${type.name}.${field.name.replace(/[A-Z]/g, (a) => `_${a.toLowerCase()}`)}`);
      if (field.resolvedType instanceof protobuf.Type) visit(field.resolvedType);
    }
  };
  visit(root.lookupType("moescope.v1.ReportRequest"));
  expect([...fields].sort()).toEqual(Object.keys(FIELDS).sort());
});

describe.each(Object.entries(FIELDS))("%s", (name, message) => {
  const field = name.slice(name.indexOf(".") + 1);

  test("is exact up to 2^53 - 1, and refused by name above", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = v1.ReportRequest.encode(message(halves(value))).finish();
        const refusal = check(receivedBytes(bytes));
        if (value <= MOST) {
          expect(refusal?.message ?? "").not.toMatch(/2\^53/);
          expect(v1.ReportRequest.encode(receivedBytes(bytes)).finish()).toEqual(bytes);
        } else {
          const words = new RegExp(`${field} is about .*, but must be at most 2\\^53 - 1$`);
          expect(refusal).toEqual({ reason: v1.Rejection.Reason.MALFORMED, message: expect.stringMatching(words) });
        }
      }),
    );
  });
});

describe("top_k × tokens is checked on whole numbers", () => {
  const layers = [{ index: 1, experts: 4, topK: 3 }];
  const run = new v1.RunDescription({ ...described, layers });
  const sent = (tokens: bigint, dropped: bigint) => {
    const numbers = { counts: [0, 0, 0, 0], tokens: halves(tokens), dropped: halves(dropped) };
    const { step } = receivedBytes(v1.ReportRequest.encode(routing(numbers)).finish());
    return checkStep(Object.assign(step!, { split: v1.Split.TRAIN }) as v1.Step, run);
  };

  test("a product that floating-point numbers would round is refused", () => {
    const tokens = 2n ** 53n - 1n;
    expect(3 * Number(tokens)).toBe(Number(3n * tokens - 1n));
    expect(sent(tokens, MOST)?.message).toMatch(/top_k × tokens is 3 × 9007199254740991 = 27021597764222973$/);
  });

  test("nor is a sum that they would round to the product taken", () => {
    const run = new v1.RunDescription({ ...described, layers: [{ index: 1, experts: 1, topK: 2 }] });
    const entry = { counts: [2], tokens: 2 ** 52, dropped: 2 ** 53 - 1 };
    expect(entry.counts[0]! + entry.dropped).toBe(2 * entry.tokens);
    const { step } = receivedBytes(v1.ReportRequest.encode(routing(entry)).finish());
    const refusal = checkStep(Object.assign(step!, { split: v1.Split.TRAIN }) as v1.Step, run);
    expect(refusal?.reason).toBe(v1.Rejection.Reason.COUNTS_DO_NOT_ADD_UP);
  });

  test("the largest that is exact is taken", () => {
    const tokens = MOST / 3n;
    expect(sent(tokens, 3n * tokens)).toBeUndefined();
    expect(sent(tokens, 3n * tokens - 1n)?.reason).toBe(v1.Rejection.Reason.COUNTS_DO_NOT_ADD_UP);
  });

  test("sums of a layer whose experts choose are exact too", () => {
    const choosing = new v1.RunDescription({
      ...{ ...described, categories: ["a", "b", "c"] },
      layers: [{ index: 1, experts: 1, topK: 1, expertsChoose: true }],
    });
    const entry = (category: number, tokens: number, dropped: number) => ({ category, counts: [0], tokens, dropped });
    // 2^53 dropped for 2^53 + 1 tokens.
    const categories = [entry(0, 2 ** 53 - 1, 2 ** 53 - 1), entry(1, 2, 0), entry(2, 0, 1)];
    const bytes = v1.ReportRequest.encode({ step: { histograms: [{ layer: 1, categories }] } }).finish();
    const step = Object.assign(receivedBytes(bytes).step!, { split: v1.Split.TRAIN }) as v1.Step;
    expect(checkStep(step, choosing)?.reason).toBe(v1.Rejection.Reason.COUNTS_DO_NOT_ADD_UP);
  });
});
