import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { byLibrary, plain } from "../testing/decoded-by-library.ts";
import { describedRun, random, randomStep } from "../testing/runs.ts";
import { decoded as decodedInto } from "./decode.ts";
import { NumberPool } from "./number-memory.ts";

const decoded = (bytes: Uint8Array) => decodedInto(bytes, new NumberPool().memory(bytes.length));
const run = describedRun("decoded");
const next = random(7);

test("numbers of every length are read as the library reads them", () => {
  const counts = Array.from({ length: 33 }, (_, bit) => [2 ** bit - 1, bit < 32 ? 2 ** bit : 0]).flat();
  const categories = [{ counts, gateMass: [0, -0, 1e-40, Number.NaN, Number.NEGATIVE_INFINITY, 3.5] }];
  const step = v1.Step.fromObject({ histograms: [{ categories, selectionBias: [0.25] }] });
  const bytes = v1.ReportRequest.encode({ step }).finish();
  expect(plain(decoded(bytes))).toEqual(byLibrary(bytes));
});

test("a field in two parts is one array, and a packed number may be longer than it needs to be", () => {
  // Field 2 (counts) twice: [1, 300], and [5 as two bytes, −1 as ten bytes].
  const category = [18, 3, 1, 172, 2, 18, 12, 133, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
  const histogram = [18, category.length, ...category];
  const step = [82, histogram.length, ...histogram];
  const bytes = Uint8Array.from([18, step.length, ...step]);
  const request = plain(decoded(bytes)) as v1.ReportRequest;
  expect(request.step!.histograms[0]!.categories[0]!.counts).toEqual([1, 300, 5, 2 ** 32 - 1]);
  expect(request).toEqual(byLibrary(bytes));
});

test("all other packed fields are ordinary arrays", () => {
  const attention = [{ layer: 1, tokenClass: ["#", "*"], share: [0.25, 0.5] }];
  const saturation = [{ layer: 1, earlierStep: [3, 2 ** 40], share: [0.125, 1] }];
  const requests = [{ hello: { protocolVersion: 1, run } }, { step: { attention, saturation } }];
  for (const request of requests) {
    const bytes = v1.ReportRequest.encode(request).finish();
    expect(plain(decoded(bytes))).toEqual(byLibrary(bytes));
  }
});

test("counts and floats of histograms are typed arrays", () => {
  const bytes = v1.ReportRequest.encode({ step: randomStep(run, { sequence: 1 }) }).finish();
  const [histogram] = (decoded(bytes) as v1.ReportRequest).step!.histograms;
  expect(histogram!.selectionBias).toBeInstanceOf(Float32Array);
  expect(histogram!.categories[0]!.counts).toBeInstanceOf(Uint32Array);
});

test("broken bytes are refused where the library refuses them, and read alike elsewhere", () => {
  const whole = v1.ReportRequest.encode({ step: randomStep(run, { sequence: 1 }) }).finish();
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from(whole.subarray(0, Math.ceil(next() * whole.length)));
    for (let change = 0; change < 3; change++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    const expected = byLibrary(bytes);
    const found = decoded(bytes);
    if (expected === undefined) {
      expect(found).toBeInstanceOf(Error);
      refused++;
    } else {
      expect(plain(found)).toEqual(expected);
    }
  }
  expect(refused).toBeGreaterThan(1000);
});
