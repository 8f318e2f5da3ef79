// The texts of a JSONL file: one object a line, the text in one of its fields.
import { DataError } from "./data-error.ts";
import { charactersOf } from "./file-bytes.ts";
import type { SourceFile } from "./source-files.ts";

/** Characters; a longer line is no document but a file of another kind. */
const longestLine = 64 * 2 ** 20;

/** Blank lines are passed over. @throws DataError that names file and line */
export async function* textsOfJsonLines(file: SourceFile, field: string): AsyncGenerator<string> {
  for await (const { line, place } of linesOf(file)) {
    if (line.trim() !== "") yield textOf(line, place, field);
  }
}

/**
 * Files called .json or .json.gz hold JSON Lines as often as one value: they do where the first line is an object, of which the text is in a
 * field. Any others are left as they are.
 *
 * @param field as the user said it; where nobody did, an object without a `text` is none of documents
 */
export async function recogniseJsonLines(files: readonly SourceFile[], field?: string): Promise<SourceFile[]> {
  const recognised: SourceFile[] = [];
  for (const file of files) {
    const isLines = file.format === "text" && /\.json(\.gz)?$/i.test(file.name) && (await beginsAsLines(file, field));
    recognised.push(isLines ? { ...file, format: "json-lines" } : file);
  }
  return recognised;
}

async function beginsAsLines(file: SourceFile, field: string | undefined): Promise<boolean> {
  try {
    for await (const { line, place } of linesOf(file)) {
      if (line.trim() === "") continue;
      const { text } = parseLine(line, place);
      return field !== undefined || typeof text === "string";
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error; // what is wrong with it is said when it is read
  }
  return false;
}

/** The object on one line. @param place file and line, for the error */
export function parseLine(line: string, place: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw new DataError(
      `${place} is not JSON: ${shorten(line)}; one object a line is allowed, such as {"text": "..."}`,
      { cause },
    );
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new DataError(`${place} is no object: ${shorten(line)}; one object a line is allowed, such as {"text": "..."}`);
}

export async function* linesOf(file: SourceFile): AsyncGenerator<{ line: string; place: string }> {
  let number = 0;
  let rest = "";
  const next = (line: string) => ({ line, place: `${file.name}:${++number}` });
  for await (const characters of charactersOf(file)) {
    const lines = characters.split("\n");
    lines[0] = rest + lines[0];
    rest = lines.pop()!;
    if (rest.length > longestLine) {
      throw new DataError(`${file.name}:${number + lines.length + 1} is longer than ${longestLine} characters`);
    }
    for (const line of lines) yield next(line);
  }
  if (rest !== "") yield next(rest);
}

function textOf(line: string, place: string, field: string): string {
  const document = parseLine(line, place);
  const text = document[field] ?? valueAt(document, field.split("."));
  if (typeof text === "string") return text;
  const fields = Object.keys(document).filter((key) => typeof document[key] === "string");
  const allowed = fields.length > 0 ? `fields with text: ${fields.join(", ")}` : "it has no field with text";
  throw new DataError(
    `${place}: field "${field}" is ${text === undefined ? "missing" : `no text (${shorten(JSON.stringify(text))})`}; ${allowed}; choose one with --data name:field=glob`,
  );
}

/** Of objects in objects, as in `meta.text`. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, field) => {
    const isObject = typeof inner === "object" && inner !== null && Object.hasOwn(inner, field);
    return isObject ? (inner as Record<string, unknown>)[field] : undefined;
  }, value);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
