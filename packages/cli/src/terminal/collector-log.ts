// The collector's log on stderr: an object of JSON a line for programs, or coloured lines for a person.
import { prettyFactory } from "pino-pretty";
import { attended, note, noteColoured } from "./lines.ts";
import { visible } from "./visible.ts";

export const logFormats = ["json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

export function defaultLogFormat(): LogFormat {
  return attended() ? "pretty" : "json";
}

/** @returns what takes a line of the log, an object of JSON */
export function logWriter(format: LogFormat = defaultLogFormat()): (line: string) => void {
  if (format === "json") return (line) => note(line.trimEnd());
  const pretty = prettyLines(attended() && process.stderr.hasColors());
  return (line) => noteColoured(pretty(line));
}

/** @returns what makes a line of the log one or more lines for a person */
export function prettyLines(colorize: boolean): (line: string) => string {
  const pretty = prettyFactory({
    colorize,
    ignore: "pid,hostname,name",
    translateTime: "SYS:HH:MM:ss.l",
    errorLikeObjectKeys: ["error"],
  });
  return (line) => pretty(visibleValues(JSON.parse(line)));
}

/** Every text in a value made visible, save that a stack keeps its lines: those are printed indented. */
function visibleValues(value: unknown, key?: string): unknown {
  if (typeof value === "string") return key === "stack" ? value.split("\n").map(visible).join("\n") : visible(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => visibleValues(item));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [visible(name), visibleValues(inner, name)]));
}
