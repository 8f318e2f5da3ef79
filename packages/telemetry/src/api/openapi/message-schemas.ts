// The messages of the schema as JSON Schema, in the form that `respond` writes them.
import { join } from "node:path";
import protobuf from "protobufjs";
import { COLLECTOR_PROTO, PROTO_DIRECTORY, VIEW_PROTO } from "../../proto-files.ts";
import type { JsonSchema } from "./json-schema.ts";

const FLOAT = { anyOf: [{ type: "number" }, { enum: ["NaN", "Infinity", "-Infinity"] }] };
const UINT32 = { type: "integer", minimum: 0, maximum: 0xffffffff };
const SCALARS: Record<string, JsonSchema> = {
  ...{ double: FLOAT, float: FLOAT },
  uint32: UINT32,
  fixed32: UINT32,
  uint64: { type: "integer", minimum: 0 },
  sint32: { type: "integer" },
  bool: { type: "boolean" },
  string: { type: "string" },
};

/** Reads the schema from its files, comments included. */
export function readSchema(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join(PROTO_DIRECTORY, target);
  root.loadSync([COLLECTOR_PROTO, VIEW_PROTO], { alternateCommentMode: true });
  root.resolveAll();
  return root;
}

/** @returns a schema for each message that is named, and for all that are in them, by name */
export function messageSchemas(root: protobuf.Root, names: Iterable<string>): Record<string, JsonSchema> {
  const schemas: Record<string, JsonSchema> = {};
  const add = (type: protobuf.Type) => {
    const name = nameOf(type);
    if (schemas[name] !== undefined) return;
    schemas[name] = {}; // holds the place, for messages that hold each other
    schemas[name] = messageSchema(type);
    for (const { resolvedType } of type.fieldsArray) if (resolvedType instanceof protobuf.Type) add(resolvedType);
  };
  for (const name of names) add(root.lookupType(`moescope.v1.${name}`));
  return schemas;
}

function messageSchema(type: protobuf.Type): JsonSchema {
  const properties = Object.fromEntries(type.fieldsArray.map((field) => [field.name, fieldSchema(field)]));
  // Of the members of a oneof only the one that is set is written.
  const required = type.fieldsArray.filter(({ partOf }) => partOf === null).map(({ name }) => name);
  return { ...described(type), type: "object", properties, required };
}

function fieldSchema(field: protobuf.Field): JsonSchema {
  const one = valueSchema(field);
  if (field.repeated) return { ...described(field), type: "array", items: one };
  // A message that is not set is written as null.
  if (field.resolvedType instanceof protobuf.Type) return { ...described(field), anyOf: [one, { type: "null" }] };
  return { ...described(field), ...one };
}

function valueSchema({ type, resolvedType }: protobuf.Field): JsonSchema {
  if (resolvedType instanceof protobuf.Enum) return { enum: Object.keys(resolvedType.values) };
  if (resolvedType instanceof protobuf.Type) return { $ref: `#/components/schemas/${nameOf(resolvedType)}` };
  const scalar = SCALARS[type];
  if (scalar === undefined) throw new Error(`the schema has a field of type ${type}, which has no form in JSON here`);
  return scalar;
}

function described({ comment }: { comment: string | null }): JsonSchema {
  return comment === null ? {} : { description: comment.replaceAll("\n", " ") };
}

/** As in `RunSummary`, or `Alert.Rule` for one inside another. */
function nameOf(type: protobuf.ReflectionObject): string {
  return type.fullName.replace(/^\.moescope\.v1\./, "");
}
