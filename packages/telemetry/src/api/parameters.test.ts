import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { RequestError } from "./errors.ts";
import { oneOf, readParameters, wholeNumber, wholeNumberOr } from "./parameters.ts";
import { layers } from "./routes/run-parameters.ts";

const bounds = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

function read<Schema extends z.ZodObject>(schema: Schema, ...given: [name: string, value: string][]) {
  return readParameters(schema, new URLSearchParams(given));
}

test("a whole number is read within its bounds, ends included, and refused beyond", () => {
  fc.assert(
    fc.property(bounds, fc.maxSafeInteger(), ([min, max], other) => {
      const schema = z.strictObject({ at: wholeNumber(min, max) });
      for (const number of [min, max, other]) {
        const reading = () => read(schema, ["at", String(number)]);
        if (number >= min && number <= max) expect(reading()).toEqual({ at: number });
        else expect(reading).toThrow(`parameter at is "${number}": must be a whole number from ${min} to ${max}`);
      }
    }),
  );
});

test("a number that is left out has its default", () => {
  const schema = z.strictObject({ points: wholeNumberOr(400, 1, 2000), step: wholeNumber().optional() });
  expect(read(schema)).toEqual({ points: 400 });
  expect(read(schema, ["points", "7"], ["step", "0"])).toEqual({ points: 7, step: 0 });
});

test("whatever is given is read or refused with a sentence that names it", () => {
  const schema = z.strictObject({ at: wholeNumber().optional(), of: oneOf(["a", "b"]).default("a"), layers });
  const name = fc.oneof(fc.constantFrom("at", "of", "layers", "__proto__", "toString"), fc.string({ unit: "binary" }));
  const value = fc.oneof(fc.constantFrom("0", "a", "none", "1,2,1"), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (given) => {
      try {
        expect(Object.keys(read(schema, ...given))).toEqual(expect.arrayContaining(["of", "layers"]));
        for (const [name] of given) expect(["at", "of", "layers"]).toContain(name);
        expect(new Set(given.map(([name]) => name)).size).toBe(given.length);
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        expect(error.status).toBe(400);
        const named = given.some(([name, value]) => {
          const wrong = `parameter ${name} is ${JSON.stringify(value)}: must be `;
          const unknownOrRepeated = `parameter ${JSON.stringify(name)} is `;
          return [wrong, unknownOrRepeated].some((words) => error.message.startsWith(words));
        });
        expect(named, error.message).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test("layers are those listed, each once, however many and however large", () => {
  const schema = z.strictObject({ layers });
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 999_999_999 }), { minLength: 1, maxLength: 20_000, size: "max" }), (listed) => {
      expect(read(schema, ["layers", listed.join(",")]).layers).toEqual([...new Set(listed)]);
    }),
    { numRuns: 20 },
  );
});
