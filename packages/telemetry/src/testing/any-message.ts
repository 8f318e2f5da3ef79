// Messages as a stranger may send them: made from the schema itself, every field absent, empty, or at its limits.
import { join } from "node:path";
import fc, { type GeneratorValue } from "fast-check";
import protobuf from "protobufjs";
import { COLLECTOR_PROTO, PROTO_DIRECTORY } from "../proto-files.ts";

/** A message, or part of one, as protobufjs encodes it. */
export type Plain = Record<string, unknown>;

/** A whole number that is not exact as a JavaScript number. */
const large = (value: bigint) => ({ low: Number(value & 0xffffffffn), high: Number(value >> 32n), unsigned: true });

const DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e300,
  5e-324,
  8.64e15 + 2,
];

/** Values of each type of the schema at its limits, and usual ones. */
const LIMITS: Record<string, readonly unknown[]> = {
  uint32: [0, 1, 2, 3, 7, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
  fixed32: [0, 1, 2 ** 32 - 1],
  sint32: [-1, 0, 1, -(2 ** 31), 2 ** 31 - 1],
  uint64: [
    0,
    1,
    2,
    100,
    2 ** 32,
    10 ** 12,
    2 ** 53 - 1,
    large(2n ** 53n),
    large(2n ** 53n + 1n),
    large(2n ** 64n - 1n),
  ],
  double: DOUBLES,
  float: DOUBLES,
  bool: [false, true],
  string: [
    "",
    "a",
    "code",
    "\0",
    "\u001b[2J\u009b",
    "\u202e",
    "\ud800",
    "a/b'c\"d\\",
    "é".repeat(300),
    "x".repeat(3_000),
    "y".repeat(400_000),
  ],
};

const schema = new protobuf.Root();
schema.resolvePath = (_origin, target) => join(PROTO_DIRECTORY, target);
schema.loadSync([COLLECTOR_PROTO]).resolveAll();

export function typeOf(name: string): protobuf.Type {
  return schema.lookupType(`moescope.v1.${name}`);
}

/** @returns one of the values, which may be of any kind */
export function pick<Value>(random: GeneratorValue, values: readonly Value[]): Value {
  return values[random(fc.nat, { max: values.length - 1 })]!;
}

/** The message with each field of its own in turn at each of its limits, alone in its list where it is one; messages in it are left. */
export function* atEveryLimit(type: protobuf.Type, message: Plain): Generator<Plain> {
  for (const { name, repeated, resolvedType, type: kind } of type.fieldsArray) {
    if (resolvedType instanceof protobuf.Type) continue;
    const values =
      resolvedType === null ? LIMITS[kind]! : [...Object.values((resolvedType as protobuf.Enum).values), 77];
    for (const value of values) yield { ...message, [name]: repeated ? [value] : value };
  }
}

/** @returns the message with so many of its fields changed, at any depth */
export function changed(random: GeneratorValue, type: protobuf.Type, message: Plain, changes: number): Plain {
  const copy = structuredClone(message);
  for (let change = 0; change < changes; change++) changeSomewhere(random, type, copy);
  return copy;
}

function changeSomewhere(random: GeneratorValue, type: protobuf.Type, message: Plain): void {
  const field = pick(random, type.fieldsArray);
  const { resolvedType } = field;
  const value = message[field.name];
  const inner = Array.isArray(value) && value.length > 0 ? pick(random, value) : value;
  if (resolvedType instanceof protobuf.Type && inner && !Array.isArray(inner) && random(fc.nat, { max: 4 }) > 0) {
    changeSomewhere(random, resolvedType, inner as Plain);
    return;
  }
  const next = field.repeated ? anyList(random, field, (value as unknown[]) ?? []) : anyValue(random, field);
  if (next === undefined) delete message[field.name];
  else message[field.name] = next;
}

/** @returns undefined where the field is to be absent */
function anyValue(random: GeneratorValue, field: protobuf.Field): unknown {
  if (random(fc.nat, { max: 3 }) === 0) return undefined;
  return someValue(random, field);
}

function someValue(random: GeneratorValue, { type, resolvedType }: protobuf.Field): unknown {
  if (resolvedType instanceof protobuf.Enum) return pick(random, [...Object.values(resolvedType.values), 77]);
  if (resolvedType instanceof protobuf.Type) return changed(random, resolvedType, {}, random(fc.nat, { max: 4 }));
  return pick(random, LIMITS[type]!);
}

function anyList(random: GeneratorValue, field: protobuf.Field, list: readonly unknown[]): unknown[] | undefined {
  const changes: (() => unknown[] | undefined)[] = [
    () => undefined,
    () => [],
    () => list.slice(1),
    () => [...list, ...list.slice(-1)],
    () => [...list].reverse(),
    () => [...list, someValue(random, field)],
    () => list.map((item, index) => (index === 0 ? someValue(random, field) : item)),
    () => copies(300, list.at(-1) ?? someValue(random, field)),
    () => crowd(random, field, list.at(-1) ?? someValue(random, field)),
    () => crowd(random, field, {}),
  ];
  return pick(random, changes)();
}

/** Copies of one value that all differ in a number, except that there may be one twice. */
function crowd(random: GeneratorValue, { type, resolvedType }: protobuf.Field, value: unknown): unknown[] {
  const size = pick(random, [300, 300, 5_000, 5_000, 300_000]);
  const all = copies(size, value).map((copy, index) => {
    if (!(resolvedType instanceof protobuf.Type)) return type === "string" ? `${index}` : copy;
    const numbered = resolvedType.fieldsArray.find((each) => !each.repeated && /^(string|uint32)$/.test(each.type));
    return {
      ...(copy as Plain),
      ...(numbered && { [numbered.name]: numbered.type === "string" ? `${index}` : index }),
    };
  });
  return random(fc.boolean) ? all : [...all, ...all.slice(-1)];
}

/** As many as a message has room for. */
function copies(most: number, value: unknown): unknown[] {
  const size = JSON.stringify(value)?.length ?? 1;
  return Array.from({ length: Math.ceil(Math.min(most, 4_000_000 / size)) }, () => value);
}
