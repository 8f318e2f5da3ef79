// JSON in the files of a tokenizer.
import { readFileSync } from "node:fs";
import { DataError, unreadable } from "../data-error.ts";

/** @throws DataError when the file cannot be read or holds no JSON object */
export function readJson(path: string): Record<string, unknown> {
  return parseJson(readText(path), path);
}

/** @throws DataError */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    return unreadable(path)(cause);
  }
}

/** @throws DataError */
export function parseJson(text: string, path: string): Record<string, unknown> {
  const value = parse(text, path);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DataError(`${path} holds ${text.slice(0, 40)}; an object is allowed`);
}

function parse(text: string, path: string): unknown {
  try {
    // Editors on Windows write a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new DataError(`${path} is not JSON: ${(cause as Error).message}; a file of Hugging Face is allowed`, {
      cause,
    });
  }
}
