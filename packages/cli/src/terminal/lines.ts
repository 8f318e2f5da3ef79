// Where text goes: results to stdout, everything said on the way to stderr, above a progress bar when one is drawn.

type Writer = (line: string) => void;

const writeNote: Writer = (line) => process.stderr.write(`${line}\n`);
let noteWriter = writeNote;

// Nobody reads on: `moescope runs | head -1`.
process.stdout.on("error", () => process.exit());
// The terminal is gone; what was started still has to be stopped in order.
process.stderr.on("error", () => {});

/** A line of the result. */
export function print(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** The result for a program. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A line for the person who waits. */
export function note(line = ""): void {
  noteWriter(line);
}

/** Sends notes elsewhere, above a progress bar for example. @returns a function that ends it */
export function divertNotes(writer: Writer): () => void {
  noteWriter = writer;
  return () => {
    noteWriter = writeNote;
  };
}
