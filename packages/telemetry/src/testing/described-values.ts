// Values that a JSON Schema describes, and texts that it does not, for fast-check.
import fc from "fast-check";

export interface Schema {
  type?: string;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  items?: Schema;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
}

/** @throws Error for a schema of a kind that no parameter or body has had yet */
export function valid(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const known = BY_TYPE[schema.type ?? ""];
  if (known === undefined) throw new Error(`no values are made of ${JSON.stringify(schema)} yet`);
  return known(schema);
}

/** A parameter as it stands in the address. */
export function validText(schema: Schema): fc.Arbitrary<string> {
  return valid(schema).map(String);
}

/** A parameter that must be refused: what anyone may type, and what is almost right. */
export function invalidText(schema: Schema): fc.Arbitrary<string> {
  const almost = validText(schema).chain((text) =>
    fc.constantFrom(` ${text}`, `${text},`, `-${text}`, `${text}.5`, `${text}e1`, text.toUpperCase(), `${text}\n`),
  );
  const beyond = [schema.minimum, schema.maximum].flatMap((end) => (end === undefined ? [] : [end - 1, end + 1]));
  const texts = [fc.string({ unit: "binary" }), almost, fc.constantFrom("", "NaN", "0x1", ...beyond.map(String))];
  return fc.oneof(...texts).filter((text) => !describes(schema, text));
}

function describes({ enum: names, type, pattern, minimum, maximum }: Schema, text: string): boolean {
  if (names !== undefined) return names.includes(text);
  if (type === "integer") return /^\d+$/.test(text) && Number(text) >= minimum! && Number(text) <= maximum!;
  return new RegExp(pattern ?? "").test(text);
}

const BY_TYPE: Record<string, (schema: Schema) => fc.Arbitrary<unknown>> = {
  integer: ({ minimum, maximum }) => {
    const ends = [minimum, maximum].filter((end) => end !== undefined);
    return fc.oneof(fc.constantFrom(...ends), fc.integer({ min: minimum!, max: maximum! }));
  },
  string: ({ pattern, minLength, maxLength }) => {
    if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
    return fc.string({ unit: UTF_16_UNIT, ...defined({ minLength, maxLength }) });
  },
  array: ({ items, maxItems }) => fc.array(valid(items!), defined({ maxLength: maxItems })),
  object: ({ properties = {}, required = [] }) => {
    const fields = Object.entries(properties).map(([name, schema]) => [name, valid(schema)] as const);
    return fc.record(Object.fromEntries(fields), { requiredKeys: required });
  },
};

// Lengths are counted as JavaScript does; JSON Schema counts a character outside the basic plane once, JavaScript twice.
const UTF_16_UNIT = fc.integer({ min: 0, max: 0xd7ff }).map((code) => String.fromCharCode(code));

function defined(options: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
