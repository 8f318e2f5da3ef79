// Removes the two lines that TensorFlow writes while it is loaded, before any setting can silence them, from an error output.
import { Transform } from "node:stream";

const NOISE = [
  /^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR\r?$/,
  /^I0000 .* port\.cc:\d+\] oneDNN custom operations are on\./,
];

/** Passes on text line by line, those two left out: `child.stderr.pipe(withoutStartUpNoise()).pipe(process.stderr)`. */
export function withoutStartUpNoise(): Transform {
  // One character a byte, so that a character cut in two by a chunk comes out whole.
  let unfinished = "";
  const keep = (line: string) => !NOISE.some((noise) => noise.test(line));
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (unfinished + chunk.toString("latin1")).split("\n");
      unfinished = lines.pop()!;
      const kept = lines.filter(keep).map((line) => `${line}\n`);
      done(null, Buffer.from(kept.join(""), "latin1"));
    },
    flush(done) {
      done(null, Buffer.from(keep(unfinished) ? unfinished : "", "latin1"));
    },
  });
}
