import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import fields from "../golden/fields.json" with { type: "json" };
import { reportRequest, step, stepBucket } from "./every-field.fixture.ts";
import { v1 } from "./index.ts";

const root = join(import.meta.dirname, "..");
const schemaFiles = ["run", "step", "collector", "view"].map((name) => `moescope/v1/${name}.proto`);

/** The schema itself, read from its files: what the generated code must agree with. */
function readSchema(): protobuf.Root {
  const schema = new protobuf.Root();
  schema.resolvePath = (_, target) => join(root, target);
  schema.loadSync(schemaFiles).resolveAll();
  return schema;
}

interface MessageType<Properties extends object, Message extends Properties> {
  name: string;
  encode(message: Properties): protobuf.Writer;
  decode(bytes: Uint8Array): Message;
  toObject(message: Message): object;
}

describe("golden bytes", () => {
  pin("step", v1.Step, step);
  pin("report-request", v1.ReportRequest, reportRequest);
  pin("step-bucket", v1.StepBucket, stepBucket);
});

function pin<P extends object, M extends P>(name: string, type: MessageType<P, M>, message: P): void {
  const path = join(root, "golden", `${name}.bin`);
  const bytes = Buffer.from(type.encode(message).finish());
  // After a field was added: UPDATE_GOLDEN=1 npx vitest run.
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, bytes);

  test(`${name}: a message with every field set has these bytes`, () => {
    expect(unsetFields(readSchema().lookupType(`moescope.v1.${type.name}`), message)).toEqual([]);
    expect(bytes.toString("hex")).toBe(readFileSync(path).toString("hex"));
  });

  test(`${name}: the bytes decode to the message`, () => {
    expect(type.toObject(type.decode(readFileSync(path)))).toEqual(message);
  });
}

test("messages of protocol 1 read as they did", () => {
  const read = (name: string) => readFileSync(join(root, "golden", "protocol-1", `${name}.bin`));
  expect(step).toMatchObject(v1.Step.toObject(v1.Step.decode(read("step"))));
  expect(stepBucket).toMatchObject(v1.StepBucket.toObject(v1.StepBucket.decode(read("step-bucket"))));
  const { hello } = v1.ReportRequest.decode(read("report-request"));
  expect(hello?.protocolVersion).toBe(1);
  expect(reportRequest.hello).toMatchObject({ ...v1.Hello.toObject(hello as v1.Hello), protocolVersion: 2 });
});

test("64-bit integers are numbers, set or not", () => {
  const decoded = v1.Step.decode(readFileSync(join(root, "golden", "step.bin")));
  expect(decoded.sequence).toBe(Number.MAX_SAFE_INTEGER);
  expect(v1.Step.decode(new Uint8Array()).sequence).toBe(0);
});

test("a reader keeps what a newer writer added, at every depth", () => {
  const newer = readSchema();
  const newerStep = newer.lookupType("moescope.v1.Step");
  newerStep.add(new protobuf.Field("note", 1000, "string"));
  newer.lookupType("moescope.v1.CategoryRouting").add(new protobuf.Field("sharedMass", 1001, "float", "repeated"));
  newer.lookupType("moescope.v1.Scalar").add(new protobuf.Field("unit", 1002, "fixed64"));
  newer.lookupEnum("moescope.v1.Split").add("TEST", 9);
  const written = newerStep
    .encode({
      ...step,
      note: "from the future",
      split: 9,
      scalars: [{ name: "loss", value: 1, unit: 42 }],
      histograms: [{ layer: 1, categories: [{ category: 1, counts: [3], sharedMass: [0.5, 1] }] }],
    })
    .finish();

  const read = v1.Step.decode(written);
  // Known fields can be changed in between.
  read.sequence = 7;
  const forwarded = newerStep.toObject(newerStep.decode(v1.Step.encode(read).finish()));

  expect(forwarded).toEqual({ ...newerStep.toObject(newerStep.decode(written)), sequence: 7 });
  expect(forwarded).toMatchObject({
    note: "from the future",
    split: 9,
    scalars: [{ unit: 42 }],
    histograms: [{ categories: [{ sharedMass: [0.5, 1] }] }],
  });
});

describe("field numbers", () => {
  const listed: Record<string, Record<string, string>> = fields;
  const schema = readSchema();

  test.each(Object.entries(listed))("%s: no number has changed its field or its type", (name, fields) => {
    const found = schema.lookupTypeOrEnum(name);
    const current = describeFields(found);
    for (const [field, listedAs] of Object.entries(fields)) {
      // A field that is gone must have left its number reserved.
      const gone = current[field] === undefined && found.isReservedId(Number.parseInt(listedAs, 10));
      if (!gone) expect(`${field} = ${current[field]}`).toBe(`${field} = ${listedAs}`);
    }
  });

  test("every field and every enum value is listed in golden/fields.json, never to be taken off", () => {
    for (const type of typesIn(schema)) {
      const name = type.fullName.slice(1);
      expect(listed[name], name).toMatchObject(describeFields(type));
    }
  });
});

/** @returns for example `{ counts: "2 repeated uint32" }`; for an enum `{ TRAIN: "1" }` */
function describeFields(type: protobuf.Type | protobuf.Enum): Record<string, string> {
  if (type instanceof protobuf.Enum) {
    return Object.fromEntries(Object.entries(type.values).map(([name, id]) => [name, String(id)]));
  }
  const described = type.fieldsArray.map((field) => {
    const repeated = field.repeated ? "repeated " : "";
    return [field.name, `${field.id} ${repeated}${field.resolvedType?.fullName.slice(1) ?? field.type}`];
  });
  return Object.fromEntries(described);
}

function typesIn(namespace: protobuf.NamespaceBase): (protobuf.Type | protobuf.Enum)[] {
  return namespace.nestedArray.flatMap((nested) => {
    const own = nested instanceof protobuf.Type || nested instanceof protobuf.Enum ? [nested] : [];
    return nested instanceof protobuf.Namespace ? [...own, ...typesIn(nested)] : own;
  });
}

/** @returns paths of the fields that no message on the way has set; of a oneof, one field is enough */
function unsetFields(type: protobuf.Type, message: object): string[] {
  return type.fieldsArray.flatMap((field) => {
    const value = (message as Record<string, unknown>)[field.name];
    if (value === undefined) return field.partOf ? [] : [`${type.name}.${field.name}`];
    if (!(field.resolvedType instanceof protobuf.Type)) return [];
    const { resolvedType } = field;
    return (Array.isArray(value) ? value : [value]).flatMap((one) => unsetFields(resolvedType, one));
  });
}
