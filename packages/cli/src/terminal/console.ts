// What libraries say through the console becomes notes: visible, above a progress bar, and never in the middle of a result.
import { Console } from "node:console";
import { Writable } from "node:stream";
import { note } from "./lines.ts";

export function divertConsole(): void {
  const notes = new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      note(String(text).replace(/\n$/, "").split("\n"));
      done();
    },
  });
  // A note escapes what steers a terminal, so colours that FORCE_COLOR asks for would be shown as text.
  globalThis.console = new Console({ stdout: notes, colorMode: false });
}
