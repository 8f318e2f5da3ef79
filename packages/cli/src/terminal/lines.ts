// Where text goes: results to stdout, everything said on the way to stderr, above a progress bar when one is drawn.
//
// Only this module ends a line. A line break inside a line is data like any other, and every line is made visible.
import { visible } from "./visible.ts";

export type Lines = string | readonly string[];
type Writer = (text: string) => void;

const writeNote: Writer = (text) => process.stderr.write(text);
let noteWriter = writeNote;

// Nobody reads on: `moescope runs | head -1`.
process.stdout.on("error", () => process.exit());
// The terminal is gone; what was started still has to be stopped in order.
process.stderr.on("error", () => {});

/** Lines of the result. */
export function print(lines: Lines): void {
  process.stdout.write(textOf(lines));
}

/** The result for a program. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2).split("\n"));
}

/** Lines for the person who waits. */
export function note(lines: Lines): void {
  noteWriter(textOf(lines));
}

/** A note with colours of our own. @param text what is data in it is visible already */
export function noteColoured(text: string): void {
  noteWriter(text);
}

/** Sends notes elsewhere, above a progress bar for example. @returns a function that ends it */
export function divertNotes(writer: Writer): () => void {
  noteWriter = writer;
  return () => {
    noteWriter = writeNote;
  };
}

/** Free text with line breaks, as of an error: the lines after the first are indented, so that none passes for a line of ours. */
export function paragraph(text: string): string[] {
  return text.split(/\r?\n/).map((line, place) => (place === 0 ? line : `  ${line}`));
}

/** A label, and things one below the other. */
export function listed(label: string, things: readonly string[]): string[] {
  return things.map((thing, place) => (place === 0 ? label : "").padEnd(11) + thing);
}

/** Whether a person watches: stderr is a terminal. */
export function attended(): boolean {
  return process.stderr.isTTY;
}

function textOf(lines: Lines): string {
  return [lines]
    .flat()
    .map((line) => `${visible(line)}\n`)
    .join("");
}
