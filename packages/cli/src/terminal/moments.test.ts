import fc from "fast-check";
import { expect, it } from "vitest";
import { isoMoment, localMoment } from "./moments.ts";

it("writes a moment for a person", () => {
  expect(isoMoment(1_764_000_000_123.5)).toBe("2025-11-24T16:00:00.123Z");
  expect(localMoment(new Date(2026, 10, 21, 9, 5, 59).getTime())).toBe("2026-11-21 09:05");
});

it("says that it is unknown when it was never set, or no calendar has it", () => {
  const never = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 8.64e15 + 2];
  for (const moment of never) expect([isoMoment(moment), localMoment(moment)]).toEqual(["unknown", "unknown"]);
});

it("takes any number", () => {
  fc.assert(
    fc.property(fc.double(), (moment) => {
      expect(isoMoment(moment)).toMatch(/^(unknown|[-+\d]+-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/);
      expect(localMoment(moment)).toMatch(/^unknown$|\d\d:\d\d/);
    }),
  );
});
