// Definitions that check requests, as JSON Schema.
import { z } from "zod";

export type JsonSchema = Record<string, unknown>;

/** @returns what is put in, before defaults and conversions */
export function inputSchema(definition: z.ZodType): JsonSchema {
  return schemaOf(definition, "input");
}

/** @returns what comes out */
export function outputSchema(definition: z.ZodType): JsonSchema {
  return schemaOf(definition, "output");
}

function schemaOf(definition: z.ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(definition, { io });
  return schema;
}
